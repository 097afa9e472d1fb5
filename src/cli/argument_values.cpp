#include "cli/argument_values.hpp"

#include <array>

#include "reelkeep/base/text.hpp"

namespace reelkeep::cli {
namespace {

template <class Word, std::size_t Count>
std::vector<std::string> names(const std::array<Word, Count>& words) {
  std::vector<std::string> names;
  for (const Word word : words) names.emplace_back(to_string(word));
  return names;
}

std::vector<std::string> state_names(Listed listed) {
  if (listed == Listed::sessions)
    return names(std::array{SessionState::lost, SessionState::overdue, SessionState::waiting,
                            SessionState::open, SessionState::complete});
  return names(std::array{DeliveryState::pending, DeliveryState::applied, DeliveryState::ignored,
                          DeliveryState::quarantined});
}

Error unknown_word(const std::string& what, const std::string& word,
                   const std::vector<std::string>& known) {
  std::string all;
  for (const std::string& one : known) all += (all.empty() ? "" : ", ") + one;
  const auto near = text::nearest(word, known);
  return Error{Errc::invalid, "unknown " + what + " " + word +
                                  (near ? "; did you mean " + *near + "?" : "") +
                                  " (known: " + all + ")"};
}

}  // namespace

Result<Duration> duration(const std::string& word, const std::string& option) {
  Result<Duration> parsed = parse_duration(word);
  if (!parsed) return parsed.error().within(option + " " + word);
  return parsed;
}

Result<std::chrono::sys_days> day(const std::string& word, const std::string& option) {
  const auto time = parse_rfc3339(word);
  if (word.size() != 10 || !time)
    return Error{Errc::invalid, option + " " + word + ": expected a day such as 2026-01-04"};
  return std::chrono::floor<std::chrono::days>(*time);
}

Result<ListFilter> list_filter(const ListWords& words, Listed listed, Timestamp now) {
  ListFilter filter;
  filter.app_id = words.app_id;
  filter.after = words.after;
  filter.limit = words.limit.value_or(words.form == Form::people ? k_rows_for_people : -1);
  if (words.limit && *words.limit < 1)
    return Error{Errc::invalid,
                 "--limit " + std::to_string(*words.limit) + ": has to be 1 or more"};
  if (words.state) {
    const std::vector<std::string> known = state_names(listed);
    bool is_known = false;
    for (const std::string& one : known) is_known = is_known || one == *words.state;
    if (!is_known) return unknown_word("state", *words.state, known);
    filter.state = words.state;
  }
  if (words.since) {
    if (const auto age = parse_duration(*words.since)) {
      filter.since = now - *age;
    } else if (const auto time = parse_rfc3339(*words.since)) {
      filter.since = *time;
    } else {
      return Error{Errc::invalid, "--since " + *words.since +
                                      ": expected a time (2026-01-04T10:00:00Z, 2026-01-04) or an "
                                      "age (90s, 15m, 24h, 30d)"};
    }
  }
  return filter;
}

Result<std::vector<ArtifactKind>> artifact_kinds(const std::vector<std::string>& words) {
  static const std::vector<std::string> k_known =
      names(std::array{ArtifactKind::recording, ArtifactKind::transcoded,
                       ArtifactKind::live_recording, ArtifactKind::chatdata, ArtifactKind::metadata,
                       ArtifactKind::transcription, ArtifactKind::cdr, ArtifactKind::delivered});
  std::vector<ArtifactKind> kinds;
  for (const std::string& word : words) {
    const auto kind = parse_artifact_kind(word);
    if (!kind) return unknown_word("kind", word, k_known);
    kinds.push_back(*kind);
  }
  return kinds;
}

std::vector<std::string> prepared(std::vector<std::string> words) {
  if (!words.empty() && words.front() == "help") {
    words.erase(words.begin());
    words.emplace_back("--help");
  }
  for (std::size_t i = 0; i < words.size() && words[i] != "--"; ++i) {
    if (words[i] != "--wait") continue;
    if (i + 1 < words.size() && parse_duration(words[i + 1])) {
      words[i] += "=" + words[i + 1];
      words.erase(words.begin() + static_cast<std::ptrdiff_t>(i) + 1);
    } else {
      words[i] += "=" + std::string(k_wait_without_limit);
    }
  }
  return words;
}

std::optional<std::string> command_word(const std::vector<std::string>& words) {
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (words[i] == "--config") {
      ++i;
    } else if (!words[i].starts_with('-')) {
      return words[i];
    }
  }
  return std::nullopt;
}

}  // namespace reelkeep::cli
