#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "reelkeep/base/byte_count.hpp"
#include "reelkeep/base/result.hpp"
#include "reelkeep/base/time.hpp"
#include "reelkeep/base/url.hpp"

#include "json/value.hpp"

// Reading what senders really write into the members of a body. All pure; any thread.
// Messages name members, never values: a value may be a secret.
namespace reelkeep::enablex {

constexpr std::size_t k_id_bytes = 512;
constexpr std::size_t k_url_bytes = 8 * 1024;
constexpr std::size_t k_files_per_event = 10'000;

/// C0, DEL or C1, in UTF-8.
[[nodiscard]] bool has_control(std::string_view text) noexcept;

/// A string, or an integer as its text. Empty where it is absent, null or blank. Errc::invalid for
/// another type, control characters, or more than k_id_bytes.
[[nodiscard]] Result<std::string> read_text(const json::Value& object, std::string_view name);
/// The same; absent is Errc::invalid.
[[nodiscard]] Result<std::string> require_text(const json::Value& object, std::string_view name);

/// Seconds or milliseconds since 1970 as a number or a string, or ISO-8601. Nothing for what is no
/// time or not to be believed: before 2000, or more than a day after it was received.
[[nodiscard]] std::optional<Timestamp> read_time(const json::Value& value, Timestamp received_at);

/// A whole number, also as a string; nothing for anything else: a declared size is a hint.
[[nodiscard]] std::optional<ByteCount> read_size(const json::Value& value);

/// One text of a list of URLs, or why there is none.
struct UrlEntry {
  std::string label;  ///< "recording[2].url"
  std::string_view text;
  std::string_view problem;  ///< empty: usable so far
};

/// A string, an object with `url`, or a list of either. Errc::invalid beyond k_files_per_event.
/// The texts live as long as `value`.
[[nodiscard]] Result<std::vector<UrlEntry>> read_urls(const json::Value& value,
                                                      std::string_view name);

/// An absolute URL; spaces are taken for %20. Errc::invalid says what is wrong with it.
[[nodiscard]] Result<Url> parse_url(std::string_view text);

}  // namespace reelkeep::enablex
