#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace reelkeep::text {

std::string to_hex(std::span<const std::byte> bytes);
std::optional<std::vector<std::byte>> from_hex(std::string_view hex);
std::string to_base64(std::string_view bytes);
std::optional<std::string> from_base64(std::string_view encoded);
/// ASCII only; nothing here depends on the locale.
std::string lower(std::string_view text);
bool equals_ignoring_case(std::string_view a, std::string_view b) noexcept;
std::string_view trim(std::string_view text) noexcept;
std::vector<std::string_view> split(std::string_view text, char separator);
/// Decodes %XX once; `+` stays a plus; a broken escape stays as it is.
std::string percent_decode(std::string_view text);
/// Encodes all but unreserved characters (RFC 3986) and those in `keep`.
std::string percent_encode(std::string_view text, std::string_view keep = "");
bool is_valid_utf8(std::string_view text) noexcept;
/// Well-formed UTF-8 without control characters: invalid bytes and C0/C1/bidi controls become
/// \xNN or \u{NN}. For everything from the network that is shown to a person or logged.
std::string printable(std::string_view text);
/// NFC, then full case folding: two names that a common filesystem may take for one are equal.
/// Invalid UTF-8 is compared byte for byte after ASCII folding.
std::string fold_name(std::string_view name);
/// Columns that the text takes on a terminal.
std::size_t display_width(std::string_view text) noexcept;
/// The known word nearest to `word` within an edit distance of a third of its length (at least 2).
std::optional<std::string> nearest(std::string_view word, std::span<const std::string> known);

}  // namespace reelkeep::text
