#include "reelkeep/base/log.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <spdlog/logger.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <sys/stat.h>
#include <unistd.h>

#include "reelkeep/base/error.hpp"
#include "reelkeep/base/text.hpp"
#include "reelkeep/base/time.hpp"

namespace reelkeep::log {
namespace {

struct LevelRow {
  Level level;
  std::string_view name;
  spdlog::level::level_enum theirs;
  std::string_view priority;  ///< for the system journal, see sd-daemon(3)
};
constexpr std::array k_levels{LevelRow{Level::trace, "trace", spdlog::level::trace, "<7>"},
                              LevelRow{Level::debug, "debug", spdlog::level::debug, "<7>"},
                              LevelRow{Level::info, "info", spdlog::level::info, "<6>"},
                              LevelRow{Level::warn, "warn", spdlog::level::warn, "<4>"},
                              LevelRow{Level::error, "error", spdlog::level::err, "<3>"}};

const LevelRow& row(Level level) noexcept {
  for (const LevelRow& candidate : k_levels)
    if (candidate.level == level) return candidate;
  abort_broken_invariant("a log level outside its table");
}

// What a process says about itself has one place to go to: the one mutable state beside main's.
std::atomic<Level> g_level{Level::info};
std::atomic<Format> g_format{Format::text};
std::atomic<bool> g_to_journal{false};

/// stderr is the system journal, which adds the time and keeps the level as a priority
/// (systemd.exec(5), $JOURNAL_STREAM: "device:inode" of the stream).
bool stderr_is_the_journal() noexcept {
  const char* stream = std::getenv("JOURNAL_STREAM");
  struct stat held {};
  if (stream == nullptr || ::fstat(STDERR_FILENO, &held) != 0) return false;
  return stream == std::to_string(held.st_dev) + ":" + std::to_string(held.st_ino);
}

/// The lines are composed here; the sink keeps lines of several threads apart.
spdlog::logger& sink() {
  static const auto logger = [] {
    auto made = std::make_unique<spdlog::logger>("reelkeep",
                                                 std::make_shared<spdlog::sinks::stderr_sink_mt>());
    made->set_pattern("%v");
    made->set_level(spdlog::level::trace);
    return made;
  }();
  return *logger;
}

/// In double quotes; `text` has gone through printable, so only these two need a backslash.
void append_quoted(std::string& line, std::string_view text) {
  line += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') line += '\\';
    line += c;
  }
  line += '"';
}

std::string text_line(Level level, std::string_view message, Fields fields) {
  std::string line;
  if (!g_to_journal.load(std::memory_order_relaxed))
    line.append(
            to_rfc3339(std::chrono::time_point_cast<Duration>(std::chrono::system_clock::now())))
        .append(" ")
        .append(to_string(level))
        .append(" ");
  line.append(text::printable(message));
  for (const Field& field : fields) {
    line.append(" ").append(field.name).append("=");
    const std::string value = text::printable(field.value);
    if (value.empty() || value.find_first_of(" \"=\\") != std::string::npos)
      append_quoted(line, value);
    else
      line += value;
  }
  return line;
}

std::string json_line(Level level, std::string_view message, Fields fields) {
  std::string line = "{\"time\":";
  append_quoted(
      line, to_rfc3339(std::chrono::time_point_cast<Duration>(std::chrono::system_clock::now())));
  line += ",\"level\":";
  append_quoted(line, to_string(level));
  line += ",\"message\":";
  append_quoted(line, text::printable(message));
  for (const Field& field : fields) {
    line += ',';
    append_quoted(line, text::printable(field.name));
    line += ':';
    append_quoted(line, text::printable(field.value));
  }
  return line + "}";
}

}  // namespace

std::string_view to_string(Level level) noexcept {
  return row(level).name;
}

std::optional<Level> parse_level(std::string_view text) noexcept {
  for (const LevelRow& candidate : k_levels)
    if (candidate.name == text) return candidate.level;
  return std::nullopt;
}

std::string_view to_string(Format format) noexcept {
  return format == Format::text ? "text" : "json";
}

std::optional<Format> parse_format(std::string_view text) noexcept {
  if (text == "text") return Format::text;
  if (text == "json") return Format::json;
  return std::nullopt;
}

void configure(Level level, Format format) {
  g_level.store(level, std::memory_order_relaxed);
  g_format.store(format, std::memory_order_relaxed);
  g_to_journal.store(stderr_is_the_journal(), std::memory_order_relaxed);
}

bool enabled(Level level) noexcept {
  return level >= g_level.load(std::memory_order_relaxed);
}

void write(Level level, std::string_view message, Fields fields) {
  if (!enabled(level)) return;
  std::string line = g_format.load(std::memory_order_relaxed) == Format::json
                         ? json_line(level, message, fields)
                         : text_line(level, message, fields);
  if (g_to_journal.load(std::memory_order_relaxed)) line.insert(0, row(level).priority);
  sink().log(row(level).theirs, spdlog::string_view_t(line.data(), line.size()));
}

}  // namespace reelkeep::log
