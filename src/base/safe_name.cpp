#include "reelkeep/base/safe_name.hpp"

#include <algorithm>
#include <array>

#include "reelkeep/base/text.hpp"

#include "base/unicode.hpp"

namespace reelkeep {
namespace {

/// What follows the last dot and is longer is no extension, but a part of a sentence.
constexpr std::size_t k_extension_bytes = 32;

/// Names of devices: Windows takes them with any extension, in any directory.
constexpr std::array<std::string_view, 7> k_devices{"con",    "prn",     "aux",   "nul",
                                                    "conin$", "conout$", "clock$"};
/// These with a digit (superscript ones too).
constexpr std::array<std::string_view, 2> k_numbered_devices{"com", "lpt"};
constexpr std::array<std::string_view, 13> k_device_numbers{
    "0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "\u00B9", "\u00B2", "\u00B3"};

/// The fixity list of a session's directory.
constexpr std::string_view k_manifest = "manifest-sha256.txt";

std::string valid_utf8(std::string_view text) {
  std::string valid;
  valid.reserve(text.size());
  while (!text.empty()) {
    const text::CodePoint first = text::first_code_point(text);
    if (first.value)
      valid += text.substr(0, first.size);
    else
      valid += '_';
    text.remove_prefix(first.size);
  }
  return valid;
}

/// Each character that some filesystem refuses or some reader is deceived by becomes '_'.
std::string without_forbidden(std::string_view text) {
  constexpr std::string_view k_forbidden = "<>:\"/\\|?*";
  std::string clean;
  clean.reserve(text.size());
  while (!text.empty()) {
    const text::CodePoint first = text::first_code_point(text);
    if (!first.value || text::is_control(*first.value) || text::is_invisible(*first.value) ||
        k_forbidden.find(text.front()) != std::string_view::npos)
      clean += '_';
    else
      clean += text.substr(0, first.size);
    text.remove_prefix(first.size);
  }
  return clean;
}

std::string_view without_trailing(std::string_view text) noexcept {
  return text.substr(0, text.find_last_not_of(". ") + 1);
}

bool is_device(std::string_view name) {
  std::string_view stem = name.substr(0, name.find('.'));
  stem = stem.substr(0, stem.find_last_not_of(' ') + 1);
  const std::string folded = text::lower(stem);
  if (std::find(k_devices.begin(), k_devices.end(), folded) != k_devices.end()) return true;
  return std::any_of(k_numbered_devices.begin(), k_numbered_devices.end(), [&](auto device) {
    if (!folded.starts_with(device)) return false;
    const std::string_view rest = std::string_view(folded).substr(device.size());
    return std::find(k_device_numbers.begin(), k_device_numbers.end(), rest) !=
           k_device_numbers.end();
  });
}

/// Where the extension begins, with its dot; the name's size where there is none.
std::size_t extension_at(std::string_view name) noexcept {
  const std::size_t dot = name.rfind('.');
  if (dot == std::string_view::npos || dot == 0 || name.size() - dot > k_extension_bytes)
    return name.size();
  return dot;
}

/// The longest beginning of at most `most` bytes that does not cut a character.
std::string_view cut(std::string_view text, std::size_t most) noexcept {
  if (text.size() <= most) return text;
  while (most > 0 && (static_cast<unsigned char>(text[most]) & 0xC0U) == 0x80U) --most;
  return text.substr(0, most);
}

/// `stem` gives way, the rest stays whole.
std::string joined(std::string_view stem, std::string_view rest, std::size_t most) {
  return std::string(cut(stem, most - std::min(most, rest.size()))) + std::string(rest);
}

/// Nothing to replace and nothing to compose: what nearly all names are.
bool is_plain(std::string_view name) noexcept {
  return !name.empty() && name.front() != '.' && name.back() != '.' &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '-' || c == '_' || c == '.';
         });
}

}  // namespace

std::string safe_name(std::string_view name, std::size_t most) {
  if (is_plain(name) && name.size() <= most && !is_device(name) && text::lower(name) != k_manifest)
    return std::string(name);
  const std::string valid = valid_utf8(name);
  // Composed before replacing: composing may yield a forbidden character, replacing no composable.
  std::string safe = without_forbidden(text::compose(valid, text::Case::kept).value_or(valid));

  safe = without_trailing(safe);
  safe.erase(0, std::min(safe.find_first_not_of(' '), safe.size()));
  if (safe.empty()) return "_";
  if (safe.front() == '.') safe.front() = '_';
  if (is_device(safe) || text::fold_name(safe) == k_manifest) safe.insert(0, "_");

  if (safe.size() <= most) return safe;
  const std::size_t extension = extension_at(safe);
  safe = joined(std::string_view(safe).substr(0, extension),
                std::string_view(safe).substr(extension), most);
  return std::string(without_trailing(safe));
}

std::string with_suffix(std::string_view name, std::string_view suffix) {
  const std::size_t extension = extension_at(name);
  return joined(name.substr(0, extension),
                std::string(suffix) + std::string(name.substr(extension)), k_name_bytes);
}

}  // namespace reelkeep
