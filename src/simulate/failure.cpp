#include "simulate/failure.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <vector>

#include "reelkeep/base/text.hpp"

namespace reelkeep::simulate {
namespace {

using Kind = Failure::Kind;

/// What may follow the word.
enum class Form { nothing, times, share_times, rate_times };

struct Row {
  Kind kind;
  std::string_view word;
  Form form;
};

constexpr std::array k_table{
    Row{Kind::truncate, "truncate", Form::share_times},
    Row{Kind::slow, "slow", Form::rate_times},
    Row{Kind::stall, "stall", Form::share_times},
    Row{Kind::shorten, "short", Form::share_times},
    Row{Kind::html, "html", Form::times},
    Row{Kind::json, "json", Form::times},
    Row{Kind::empty, "empty", Form::times},
    Row{Kind::gzip, "gzip", Form::times},
    Row{Kind::redirect, "redirect", Form::times},
    Row{Kind::changed, "changed", Form::times},
    Row{Kind::no_ranges, "no-ranges", Form::nothing},
    Row{Kind::no_validator, "no-validator", Form::nothing},
    Row{Kind::weak_etag, "weak-etag", Form::nothing},
    Row{Kind::wrong_size, "wrong-size", Form::nothing},
};

constexpr std::string_view k_help =
    "403, 404:2, 503:5:30         answer that status, the first TIMES requests, with Retry-After\n"
    "truncate:0.5, stall:0.5:1    close or fall silent after a share of the body\n"
    "short:0.5                    serve only a share of the file, as if it was whole\n"
    "slow:64KiB                   serve so much a second\n"
    "html, json, empty, gzip      answer 200 with the wrong content\n"
    "redirect, changed:1          redirect to another host; replace the file after TIMES requests\n"
    "no-ranges, no-validator, weak-etag, wrong-size\n"
    "...@25%, ...@recording, ...@NAME   only a share of the files, a kind, a part of the name";

Error refuse(std::string_view text, std::string_view why) {
  return Error{Errc::invalid, "failure '" + text::printable(text) + "': " + std::string(why)};
}

std::optional<std::uint64_t> parse_count(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// "0.5" or "50%", from 0 to 1.
std::optional<double> parse_share(std::string_view text) {
  const bool percent = text.ends_with('%');
  if (percent) text.remove_suffix(1);
  double value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc() || end != text.data() + text.size()) return std::nullopt;
  if (percent) value /= 100;
  if (!(value >= 0 && value <= 1)) return std::nullopt;
  return value;
}

std::string share_text(double share) {
  std::array<char, 32> buffer{};
  const auto result = std::to_chars(buffer.data(), buffer.data() + buffer.size(), share);
  return {buffer.data(), result.ptr};
}

Result<FailureTarget> parse_target(std::string_view whole, std::string_view text) {
  FailureTarget target;
  if (text.empty()) return refuse(whole, "a share, a kind or a part of a name is needed after '@'");
  if (text.ends_with('%')) {
    target.share = parse_share(text);
    if (!target.share) return refuse(whole, "a share of the files is from 0% to 100%");
  } else if (const auto kind = parse_artifact_kind(text)) {
    target.kind = kind;
  } else {
    target.name = text;
  }
  return target;
}

Result<Failure> parse_status(std::string_view whole, std::uint64_t status,
                             const std::vector<std::string_view>& parts) {
  Failure failure;
  if (status < 400 || status > 599) return refuse(whole, "a status is from 400 to 599");
  if (parts.size() > 3) return refuse(whole, "expected STATUS[:TIMES[:RETRY_AFTER]]");
  failure.status = static_cast<int>(status);
  if (parts.size() > 1) {
    failure.times = parse_count(parts[1]);
    if (!failure.times) return refuse(whole, "expected a number of requests after the status");
  }
  if (parts.size() > 2) {
    const auto seconds = parse_count(parts[2]);
    if (!seconds || *seconds > 86'400)
      return refuse(whole, "Retry-After is a number of seconds, a day at most");
    failure.retry_after = std::chrono::seconds(*seconds);
  }
  return failure;
}

Result<Failure> parse_word(std::string_view whole, const Row& row,
                           const std::vector<std::string_view>& parts) {
  Failure failure;
  failure.kind = row.kind;
  if (row.kind == Kind::changed) failure.times = 1;
  std::size_t next = 1;
  if (row.form == Form::share_times && parts.size() > next) {
    const auto share = parse_share(parts[next++]);
    if (!share) return refuse(whole, "a share of the body is from 0 to 1");
    failure.share = *share;
  }
  if (row.form == Form::rate_times && parts.size() > next) {
    REELKEEP_ASSIGN(failure.rate, parse_byte_count(parts[next++]));
    if (failure.rate == ByteCount()) return refuse(whole, "a rate is at least one byte a second");
  }
  if (row.form != Form::nothing && parts.size() > next) {
    failure.times = parse_count(parts[next++]);
    if (!failure.times) return refuse(whole, "expected a number of requests");
  }
  if (parts.size() > next) return refuse(whole, "nothing more may follow");
  return failure;
}

}  // namespace

bool FailureTarget::matches(std::size_t index, ArtifactKind file_kind,
                            std::string_view file_name) const {
  if (kind && *kind != file_kind) return false;
  if (file_name.find(name) == std::string_view::npos) return false;
  if (!share) return true;
  const auto before = std::floor(static_cast<double>(index) * *share + 1e-9);
  const auto after = std::floor(static_cast<double>(index + 1) * *share + 1e-9);
  return after > before;
}

Result<FailureRule> parse_failure(std::string_view text) {
  FailureRule rule;
  std::string_view spec = text;
  if (const auto at = text.find('@'); at != std::string_view::npos) {
    REELKEEP_ASSIGN(rule.target, parse_target(text, text.substr(at + 1)));
    spec = text.substr(0, at);
  }
  const std::vector<std::string_view> parts = text::split(spec, ':');
  const std::string_view word = parts.empty() ? std::string_view() : parts.front();
  if (const auto status = parse_count(word)) {
    REELKEEP_ASSIGN(rule.failure, parse_status(text, *status, parts));
    return rule;
  }
  const auto row = std::find_if(k_table.begin(), k_table.end(),
                                [word](const Row& candidate) { return candidate.word == word; });
  if (row == k_table.end()) {
    std::vector<std::string> words;
    for (const Row& candidate : k_table) words.emplace_back(candidate.word);
    const auto nearest = text::nearest(word, words);
    return refuse(text, "not known" + (nearest ? ", did you mean '" + *nearest + "'?"
                                               : ", see 'reelkeep simulate --help'"));
  }
  REELKEEP_ASSIGN(rule.failure, parse_word(text, *row, parts));
  return rule;
}

std::string to_string(const FailureRule& rule) {
  const Failure& failure = rule.failure;
  std::string out;
  const auto times = failure.times ? ":" + std::to_string(*failure.times) : std::string();
  if (failure.kind == Kind::status) {
    out = std::to_string(failure.status) + times;
    if (failure.times && failure.retry_after != Failure().retry_after)
      out += ":" + std::to_string(failure.retry_after.count());
  }
  for (const Row& row : k_table) {
    if (row.kind != failure.kind) continue;
    out = row.word;
    if (row.form == Form::share_times) out += ":" + share_text(failure.share);
    if (row.form == Form::rate_times) out += ":" + std::to_string(failure.rate.get());
    if (row.form != Form::nothing) out += times;
  }
  if (rule.target.share) out += "@" + share_text(*rule.target.share * 100) + "%";
  if (rule.target.kind) out += "@" + std::string(to_string(*rule.target.kind));
  if (!rule.target.name.empty()) out += "@" + rule.target.name;
  return out;
}

std::string_view failure_help() noexcept {
  return k_help;
}

}  // namespace reelkeep::simulate
