#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/arguments.hpp"

// What single words on the command line mean. All pure.
namespace reelkeep::cli {

/// Stands for a bare `--wait`.
inline constexpr std::string_view k_wait_without_limit = "to-the-end";

/// What people get of a list at once.
inline constexpr std::int64_t k_rows_for_people = 50;

enum class Listed { sessions, deliveries };

struct ListWords {
  std::optional<std::string> state;
  std::optional<std::string> since;
  std::optional<std::int64_t> limit;
  std::optional<std::int64_t> after;
  std::optional<AppId> app_id;
  Form form = Form::people;
};

Result<ListFilter> list_filter(const ListWords& words, Listed listed, Timestamp now);
Result<std::vector<ArtifactKind>> artifact_kinds(const std::vector<std::string>& words);
Result<Duration> duration(const std::string& word, const std::string& option);

/// "2026-01-04", a day of UTC.
Result<std::chrono::sys_days> day(const std::string& word, const std::string& option);

/// `help X` becomes `X --help`; `--wait` gets a value of its own, so that it never takes the
/// argument after it, unless that is a duration.
std::vector<std::string> prepared(std::vector<std::string> words);
/// The first word that is no option and no value of --config.
std::optional<std::string> command_word(const std::vector<std::string>& words);

}  // namespace reelkeep::cli
