#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace reelkeep::text {

/// The first code point of a text, or a byte that belongs to none.
struct CodePoint {
  std::optional<std::int32_t> value;  ///< nothing: an invalid byte
  std::size_t size;                   ///< bytes taken, at least 1
};

/// `text` must not be empty.
CodePoint first_code_point(std::string_view text) noexcept;

enum class Case { kept, folded };
/// NFC; nothing for what is no UTF-8.
std::optional<std::string> compose(std::string_view text, Case letter_case);

/// C0, C1, DEL, line and paragraph separators, noncharacters, and what turns the reading direction:
/// never shown, never part of a name.
bool is_control(std::int32_t code_point) noexcept;
/// Takes no place (zero width space, byte order mark, tags, ...), but for the two joiners, which
/// scripts need.
bool is_invisible(std::int32_t code_point) noexcept;

}  // namespace reelkeep::text
