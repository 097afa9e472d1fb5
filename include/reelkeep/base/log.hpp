#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace reelkeep::log {

enum class Level { trace, debug, info, warn, error };
enum class Format { text, json };

std::string_view to_string(Level level) noexcept;
std::optional<Level> parse_level(std::string_view text) noexcept;
std::string_view to_string(Format format) noexcept;
std::optional<Format> parse_format(std::string_view text) noexcept;

/// Diagnostics go to stderr only. Where that is the system journal ($JOURNAL_STREAM), each line
/// gets its priority, so that `journalctl -p warning` works, and leaves out what the journal adds.
/// Callable again at any time, any thread. Before the first call: text, info.
void configure(Level level, Format format);
[[nodiscard]] bool enabled(Level level) noexcept;

/// A named value beside the message. Values are escaped, so that nothing from the network can
/// forge a line. Never a secret, a URL with query, or a body.
struct Field {
  std::string_view name;
  std::string value;
};
using Fields = std::initializer_list<Field>;

/// Any thread. An error is returned or logged, never both.
void write(Level level, std::string_view message, Fields fields = {});
inline void trace(std::string_view m, Fields f = {}) {
  write(Level::trace, m, f);
}
inline void debug(std::string_view m, Fields f = {}) {
  write(Level::debug, m, f);
}
inline void info(std::string_view m, Fields f = {}) {
  write(Level::info, m, f);
}
inline void warn(std::string_view m, Fields f = {}) {
  write(Level::warn, m, f);
}
inline void error(std::string_view m, Fields f = {}) {
  write(Level::error, m, f);
}

}  // namespace reelkeep::log
