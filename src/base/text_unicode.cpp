#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <utf8proc.h>

#include "reelkeep/base/text.hpp"

#include "base/unicode.hpp"

namespace reelkeep::text {
namespace {

const utf8proc_uint8_t* octets(std::string_view text) noexcept {
  return reinterpret_cast<const utf8proc_uint8_t*>(text.data());
}

constexpr std::array<std::int32_t, 12> k_bidi_controls{
    0x061C, 0x200E, 0x200F, 0x202A, 0x202B, 0x202C, 0x202D, 0x202E, 0x2066, 0x2067, 0x2068, 0x2069};
constexpr std::int32_t k_zero_width_non_joiner = 0x200C;
constexpr std::int32_t k_zero_width_joiner = 0x200D;

std::string hex(std::uint32_t value) {
  constexpr std::string_view k_digits = "0123456789abcdef";
  std::string digits;
  do {
    digits.insert(digits.begin(), k_digits[value & 0xFU]);
    value >>= 4U;
  } while (value != 0);
  if (digits.size() < 2) digits.insert(digits.begin(), '0');
  return digits;
}

/// How many it begins with; eight at a time, since most of what comes is nothing else.
std::size_t ascii_bytes(std::string_view text) noexcept {
  constexpr std::uint64_t k_high_bits = 0x8080808080808080U;
  std::size_t at = 0;
  std::uint64_t eight = 0;
  for (; at + sizeof eight <= text.size(); at += sizeof eight) {
    std::memcpy(&eight, text.data() + at, sizeof eight);
    if ((eight & k_high_bits) != 0) break;
  }
  while (at < text.size() && static_cast<unsigned char>(text[at]) < 0x80) ++at;
  return at;
}

bool is_ascii(std::string_view text) noexcept {
  return ascii_bytes(text) == text.size();
}

struct Freed {
  void operator()(utf8proc_uint8_t* memory) const noexcept { std::free(memory); }
};

}  // namespace

CodePoint first_code_point(std::string_view text) noexcept {
  if (!text.empty() && static_cast<unsigned char>(text.front()) < 0x80) return {text.front(), 1};
  utf8proc_int32_t value = -1;
  const auto size =
      utf8proc_iterate(octets(text), static_cast<utf8proc_ssize_t>(text.size()), &value);
  if (size <= 0) return {std::nullopt, 1};
  return {value, static_cast<std::size_t>(size)};
}

std::optional<std::string> compose(std::string_view text, Case letter_case) {
  // Most names are; all forms of ASCII but its case are one.
  if (is_ascii(text)) return letter_case == Case::folded ? lower(text) : std::string(text);
  unsigned options = UTF8PROC_STABLE | UTF8PROC_COMPOSE;
  if (letter_case == Case::folded) options |= UTF8PROC_CASEFOLD;
  utf8proc_uint8_t* memory = nullptr;
  const auto size = utf8proc_map(octets(text), static_cast<utf8proc_ssize_t>(text.size()), &memory,
                                 static_cast<utf8proc_option_t>(options));
  const std::unique_ptr<utf8proc_uint8_t, Freed> owner(memory);
  if (size < 0) return std::nullopt;
  return std::string(reinterpret_cast<const char*>(memory), static_cast<std::size_t>(size));
}

bool is_control(std::int32_t code_point) noexcept {
  if (code_point < 0x80) return code_point < 0x20 || code_point == 0x7F;
  for (const std::int32_t bidi : k_bidi_controls)
    if (code_point == bidi) return true;
  if ((code_point & 0xFFFE) == 0xFFFE || (code_point >= 0xFDD0 && code_point <= 0xFDEF))
    return true;
  const auto category = utf8proc_category(code_point);
  return category == UTF8PROC_CATEGORY_CC || category == UTF8PROC_CATEGORY_ZL ||
         category == UTF8PROC_CATEGORY_ZP;
}

bool is_invisible(std::int32_t code_point) noexcept {
  if (code_point < 0x80) return false;
  return utf8proc_category(code_point) == UTF8PROC_CATEGORY_CF &&
         code_point != k_zero_width_non_joiner && code_point != k_zero_width_joiner;
}

bool is_valid_utf8(std::string_view text) noexcept {
  while (true) {
    text.remove_prefix(ascii_bytes(text));
    if (text.empty()) return true;
    const CodePoint first = first_code_point(text);
    if (!first.value) return false;
    text.remove_prefix(first.size);
  }
}

std::string printable(std::string_view text) {
  std::string shown;
  shown.reserve(text.size());
  while (!text.empty()) {
    const CodePoint first = first_code_point(text);
    if (!first.value)
      shown += "\\x" + hex(static_cast<unsigned char>(text.front()));
    else if (*first.value < 0x80 && is_control(*first.value))
      shown += "\\x" + hex(static_cast<std::uint32_t>(*first.value));
    else if (is_control(*first.value))
      shown += "\\u{" + hex(static_cast<std::uint32_t>(*first.value)) + "}";
    else
      shown += text.substr(0, first.size);
    text.remove_prefix(first.size);
  }
  return shown;
}

std::string fold_name(std::string_view name) {
  if (is_ascii(name)) return lower(name);
  auto folded = compose(name, Case::folded);
  if (!folded) return lower(name);
  // Folding may uncover what composes anew; a second pass is the last that can change anything.
  return compose(*folded, Case::folded).value_or(*folded);
}

std::size_t display_width(std::string_view text) noexcept {
  std::size_t columns = 0;
  while (!text.empty()) {
    const CodePoint first = first_code_point(text);
    if (!first.value)
      ++columns;  // shown as one replacement character
    else if (const int width = utf8proc_charwidth(*first.value); width > 0)
      columns += static_cast<std::size_t>(width);
    text.remove_prefix(first.size);
  }
  return columns;
}

}  // namespace reelkeep::text
