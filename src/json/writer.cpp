#include "json/writer.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <utility>

namespace reelkeep::json {
namespace {

struct CodePoint {
  std::uint32_t value;
  std::size_t size;  ///< bytes; 0: not UTF-8 here
};

/// RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF.
CodePoint decode(std::string_view text) noexcept {
  const auto byte = [&](std::size_t at) {
    return static_cast<std::uint32_t>(static_cast<unsigned char>(text[at]));
  };
  const std::uint32_t lead = byte(0);
  if (lead < 0x80) return {lead, 1};
  const std::size_t size = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < size) return {0, 0};
  std::uint32_t value = lead & (0xFFU >> (size + 1));
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xC0U) != 0x80) return {0, 0};
    value = (value << 6U) | (byte(i) & 0x3FU);
  }
  constexpr std::array<std::uint32_t, 5> k_least{0, 0, 0x80, 0x800, 0x10000};
  if (value < k_least[size] || value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF))
    return {0, 0};
  return {value, size};
}

/// Written as it is, and a character of its own.
constexpr bool is_plain(char c) noexcept {
  return c >= 0x20 && c < 0x7F && c != '"' && c != '\\';
}

void append_unicode_escape(std::string& text, std::uint32_t value) {
  constexpr std::string_view k_digits = "0123456789abcdef";
  text += "\\u00";
  text += k_digits[(value >> 4U) & 15U];
  text += k_digits[value & 15U];
}

}  // namespace

Writer& Writer::begin_object() {
  begin(Scope::object, '{');
  return *this;
}

Writer& Writer::end_object() {
  end(Scope::object, '}');
  return *this;
}

Writer& Writer::begin_array() {
  begin(Scope::array, '[');
  return *this;
}

Writer& Writer::end_array() {
  end(Scope::array, ']');
  return *this;
}

Writer& Writer::key(std::string_view name) {
  if (m_levels.empty() || m_levels.back().scope != Scope::object || m_after_key)
    abort_broken_invariant("a JSON key outside of an object");
  separate();
  append_quoted(name);
  m_text += m_layout == Layout::pretty ? ": " : ":";
  m_after_key = true;
  return *this;
}

Writer& Writer::value(std::string_view text) {
  place_value();
  append_quoted(text);
  return *this;
}

Writer& Writer::value(bool boolean) {
  return raw(boolean ? "true" : "false");
}

Writer& Writer::value(std::nullptr_t) {
  return raw("null");
}

Writer& Writer::value(double number) {
  if (!std::isfinite(number)) return raw("null");
  std::array<char, 32> buffer{};
  const auto written = std::to_chars(buffer.data(), buffer.data() + buffer.size(), number);
  return raw(
      std::string_view(buffer.data(), static_cast<std::size_t>(written.ptr - buffer.data())));
}

std::string Writer::take() {
  return std::exchange(m_text, {});
}

Writer& Writer::raw(std::string_view token) {
  place_value();
  m_text += token;
  return *this;
}

void Writer::begin(Scope scope, char bracket) {
  place_value();
  m_text += bracket;
  m_levels.push_back(Level{scope});
  m_complete = false;
}

void Writer::end(Scope scope, char bracket) {
  if (m_levels.empty() || m_levels.back().scope != scope || m_after_key)
    abort_broken_invariant("an end of JSON that was not begun");
  const bool empty = m_levels.back().empty;
  m_levels.pop_back();
  if (!empty) new_line();
  m_text += bracket;
  m_complete = m_levels.empty();
}

void Writer::place_value() {
  if (std::exchange(m_after_key, false)) return;
  if (m_complete) abort_broken_invariant("a second JSON value beside the first");
  if (m_levels.empty()) {
    m_complete = true;
    return;
  }
  if (m_levels.back().scope == Scope::object)
    abort_broken_invariant("a JSON value in an object without its key");
  separate();
}

void Writer::separate() {
  if (!std::exchange(m_levels.back().empty, false)) m_text += ',';
  new_line();
}

void Writer::new_line() {
  if (m_layout == Layout::compact) return;
  m_text += '\n';
  m_text.append(2 * m_levels.size(), ' ');
}

void Writer::append_quoted(std::string_view text) {
  m_text += '"';
  while (true) {
    const auto plain =
        static_cast<std::size_t>(std::ranges::find_if_not(text, is_plain) - text.begin());
    m_text += text.substr(0, plain);
    text.remove_prefix(plain);
    if (text.empty()) break;
    const CodePoint next = decode(text);
    if (next.size == 0) {
      m_text += "\xEF\xBF\xBD";
      text.remove_prefix(1);
      continue;
    }
    switch (next.value) {
      case '"':
        m_text += "\\\"";
        break;
      case '\\':
        m_text += "\\\\";
        break;
      case '\n':
        m_text += "\\n";
        break;
      case '\r':
        m_text += "\\r";
        break;
      case '\t':
        m_text += "\\t";
        break;
      default:
        if (next.value < 0x20 || (next.value >= 0x7F && next.value <= 0x9F))
          append_unicode_escape(m_text, next.value);
        else
          m_text += text.substr(0, next.size);
    }
    text.remove_prefix(next.size);
  }
  m_text += '"';
}

}  // namespace reelkeep::json
