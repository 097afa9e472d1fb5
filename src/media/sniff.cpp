#include "media/sniff.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "reelkeep/base/text.hpp"

namespace reelkeep::media {
namespace {

constexpr std::size_t k_text_window = k_glanced;
/// Shorter bodies of bytes above 127 are too little to tell an 8-bit encoding from binary.
constexpr std::size_t k_least_legacy_text = 64;

enum class ByteOrder { little, big };

void append_utf8(std::string& out, std::uint32_t point) {
  const auto put = [&out](std::uint32_t byte) { out += static_cast<char>(byte); };
  if (point < 0x80) {
    put(point);
  } else if (point < 0x800) {
    put(0xC0 | point >> 6U);
    put(0x80 | (point & 0x3F));
  } else if (point < 0x10000) {
    put(0xE0 | point >> 12U);
    put(0x80 | (point >> 6U & 0x3F));
    put(0x80 | (point & 0x3F));
  } else {
    put(0xF0 | point >> 18U);
    put(0x80 | (point >> 12U & 0x3F));
    put(0x80 | (point >> 6U & 0x3F));
    put(0x80 | (point & 0x3F));
  }
}

/// Lone surrogates, which no text has, become NUL, so that the result does not pass for text.
std::string from_utf16(std::string_view bytes, ByteOrder order) {
  std::string out;
  const auto unit = [&](std::size_t at) {
    const auto first = static_cast<std::uint8_t>(bytes[at]);
    const auto second = static_cast<std::uint8_t>(bytes[at + 1]);
    return order == ByteOrder::big ? std::uint32_t{first} << 8U | second
                                   : std::uint32_t{second} << 8U | first;
  };
  for (std::size_t at = 0; at + 1 < bytes.size(); at += 2) {
    const std::uint32_t high = unit(at);
    if (high < 0xD800 || high > 0xDFFF) {
      append_utf8(out, high);
      continue;
    }
    if (at + 3 >= bytes.size()) break;
    const std::uint32_t low = unit(at + 2);
    const bool paired = high < 0xDC00 && low >= 0xDC00 && low <= 0xDFFF;
    append_utf8(out, paired ? 0x10000 + ((high - 0xD800) << 10U) + (low - 0xDC00) : 0);
    if (paired) at += 2;
  }
  return out;
}

bool is_space(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}
bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// UTF-16 without a mark: every other byte is zero and the rest is ASCII text.
bool looks_like_utf16(std::string_view bytes, ByteOrder order) {
  const std::size_t seen = std::min<std::size_t>(bytes.size(), 64) & ~std::size_t{1};
  if (seen < 4) return false;
  for (std::size_t at = 0; at < seen; at += 2) {
    const char zero = bytes[order == ByteOrder::big ? at : at + 1];
    const char c = bytes[order == ByteOrder::big ? at + 1 : at];
    if (zero != '\0' || !(is_space(c) || (c > ' ' && c < '\x7F'))) return false;
  }
  return true;
}

struct Utf16 {
  ByteOrder order;
  std::size_t mark;  ///< bytes of its byte order mark
};

std::optional<Utf16> utf16_of(std::string_view bytes) {
  if (bytes.starts_with("\xFF\xFE")) return Utf16{ByteOrder::little, 2};
  if (bytes.starts_with("\xFE\xFF")) return Utf16{ByteOrder::big, 2};
  if (looks_like_utf16(bytes, ByteOrder::little)) return Utf16{ByteOrder::little, 0};
  if (looks_like_utf16(bytes, ByteOrder::big)) return Utf16{ByteOrder::big, 0};
  return std::nullopt;
}

std::string to_utf8(std::string_view bytes) {
  if (const auto utf16 = utf16_of(bytes))
    return from_utf16(bytes.substr(utf16->mark), utf16->order);
  return std::string(bytes);
}

/// White space, byte order marks (also repeated ones) and no-break spaces.
std::string_view skip_blank(std::string_view text) {
  while (!text.empty()) {
    if (is_space(text.front()))
      text.remove_prefix(1);
    else if (text.starts_with("\xEF\xBB\xBF"))
      text.remove_prefix(3);
    else if (text.starts_with("\xC2\xA0"))
      text.remove_prefix(2);
    else
      break;
  }
  return text;
}

bool starts_with_word(std::string_view text, std::string_view lower_word) {
  return text::equals_ignoring_case(text.substr(0, lower_word.size()), lower_word);
}

/// Past a document type declaration with or without an internal subset; nothing left: it has no
/// end.
std::string_view after_doctype(std::string_view text) {
  bool subset = false;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '[') subset = true;
    if (text[at] == ']') subset = false;
    if (text[at] == '>' && !subset) return text.substr(at + 1);
  }
  return {};
}

/// Elements that begin pages and their fragments. Short names that a chat line may begin with
/// ("<a>", "<b>", "<p>") are left out: where text is refused too, that only changes the words.
bool is_html_element(std::string_view name, bool in_xml) {
  static constexpr std::array<std::string_view, 25> k_page = {
      "html",  "head", "body", "script", "title",    "meta", "style",  "iframe", "frameset",
      "link",  "base", "div",  "form",   "noscript", "h1",   "h2",     "h3",     "center",
      "table", "br",   "hr",   "font",   "img",      "main", "section"};
  if (const auto colon = name.find(':'); colon != std::string_view::npos)
    return name.substr(colon + 1) == "html";
  if (in_xml) return name == "html" || name == "head" || name == "body";
  return std::find(k_page.begin(), k_page.end(), name) != k_page.end();
}

/// Name of the element that `text` begins with, lower case; empty: it begins with none.
std::string element_name(std::string_view text) {
  if (text.size() < 2 || text[0] != '<' || !is_letter(text[1])) return {};
  std::size_t end = 1;
  while (end < text.size() && (is_letter(text[end]) || is_digit(text[end]) ||
                               std::string_view(":_.-").find(text[end]) != std::string_view::npos))
    ++end;
  if (end < text.size() && !is_space(text[end]) && text[end] != '>' && text[end] != '/') return {};
  return text::lower(text.substr(1, end - 1));
}

/// What the first markup says; binary: there is none that says anything.
Flavour markup_of(std::string_view text) {
  bool xml = false;
  const auto otherwise = [&xml] { return xml ? Flavour::xml : Flavour::binary; };
  for (text = skip_blank(text); text.starts_with('<'); text = skip_blank(text)) {
    if (text.starts_with("<!--")) {
      const auto end = text.find("-->", 4);
      if (end == std::string_view::npos) return xml ? Flavour::xml : Flavour::html;
      text.remove_prefix(end + 3);
    } else if (text.starts_with("<?")) {
      if (starts_with_word(text, "<?xml")) xml = true;
      const auto end = text.find("?>");
      if (end == std::string_view::npos) return otherwise();
      text.remove_prefix(end + 2);
    } else if (starts_with_word(text, "<!doctype")) {
      const std::string_view name = skip_blank(text.substr(9));
      if (name.empty() || name.front() == '>' || starts_with_word(name, "html"))
        return Flavour::html;
      xml = true;
      text = after_doctype(text);
    } else {
      return is_html_element(element_name(text), xml) ? Flavour::html : otherwise();
    }
  }
  return otherwise();
}

/// An object's first key in quotes with its colon, or a value that only JSON begins with.
bool begins_json_object(std::string_view text) {
  text = skip_blank(text);
  if (!text.starts_with('{')) return false;
  text = skip_blank(text.substr(1));
  if (!text.starts_with('"')) return false;
  const auto end = text.find('"', 1);
  if (end > 256) return false;  // npos too
  const auto key = text.substr(1, end - 1);
  const bool plain = std::all_of(key.begin(), key.end(), [](char c) { return c >= ' '; });
  return plain && skip_blank(text.substr(end + 1)).starts_with(':');
}

bool has_binary_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<std::uint8_t>(c);
    return byte < 0x20 && !is_space(c) && byte != 0x1B;
  });
}

/// Mostly ASCII with some bytes above 127: a page or message in an 8-bit encoding.
bool is_legacy_text(std::string_view text) {
  if (text.size() < k_least_legacy_text) return false;
  const auto ascii = std::count_if(text.begin(), text.end(),
                                   [](char c) { return static_cast<std::uint8_t>(c) < 0x80; });
  return static_cast<std::size_t>(ascii) * 4 >= text.size() * 3;
}

bool is_text(std::string_view text) {
  const bool cut = text.size() > k_text_window;
  text = text.substr(0, k_text_window);
  if (has_binary_control(text)) return false;
  if (is_legacy_text(text)) return true;
  // The window may cut a character of up to four bytes.
  for (int dropped = 0; dropped < (cut ? 4 : 1); ++dropped)
    if (text::is_valid_utf8(text.substr(0, text.size() - static_cast<std::size_t>(dropped))))
      return true;
  return false;
}

}  // namespace

bool is_binary_at_a_glance(std::span<const std::byte> head) {
  const std::string_view text(reinterpret_cast<const char*>(head.data()), head.size());
  if (utf16_of(text)) return false;
  const std::string_view begin = skip_blank(text);
  if (begin.empty() || begin.starts_with('<') || begin.starts_with('{')) return false;
  return has_binary_control(text.substr(0, k_text_window));
}

Flavour sniff(std::span<const std::byte> head) {
  const std::string decoded =
      to_utf8({reinterpret_cast<const char*>(head.data()), std::min(head.size(), k_sniffed)});
  if (const Flavour markup = markup_of(decoded); markup != Flavour::binary) return markup;
  if (begins_json_object(decoded)) return Flavour::json;
  if (!is_text(decoded)) return Flavour::binary;
  const std::string_view rest = skip_blank(decoded);
  if (rest.starts_with('{') || rest.starts_with('[')) return Flavour::json;
  return element_name(rest).empty() ? Flavour::text : Flavour::xml;
}

}  // namespace reelkeep::media
