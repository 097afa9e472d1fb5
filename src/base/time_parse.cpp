#include <array>
#include <charconv>
#include <cstdint>
#include <limits>
#include <optional>

#include "reelkeep/base/text.hpp"
#include "reelkeep/base/time.hpp"

namespace reelkeep {
namespace {

/// Takes a text apart from its beginning.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : m_rest(text) {}
  [[nodiscard]] bool done() const noexcept { return m_rest.empty(); }
  [[nodiscard]] char next() const noexcept { return m_rest.empty() ? '\0' : m_rest.front(); }

  /// One of `accepted`.
  bool take(std::string_view accepted) noexcept {
    if (m_rest.empty() || accepted.find(m_rest.front()) == std::string_view::npos) return false;
    m_rest.remove_prefix(1);
    return true;
  }

  /// Exactly `count` digits.
  std::optional<int> number(std::size_t count) noexcept {
    if (m_rest.size() < count) return std::nullopt;
    int value = 0;
    for (const char c : m_rest.substr(0, count)) {
      if (c < '0' || c > '9') return std::nullopt;
      value = value * 10 + (c - '0');
    }
    m_rest.remove_prefix(count);
    return value;
  }

 private:
  std::string_view m_rest;
};

std::optional<std::chrono::sys_days> take_date(Cursor& cursor) {
  const auto year = cursor.number(4);
  if (!year || !cursor.take("-")) return std::nullopt;
  const auto month = cursor.number(2);
  if (!month || !cursor.take("-")) return std::nullopt;
  const auto day = cursor.number(2);
  if (!day) return std::nullopt;
  const std::chrono::year_month_day date(std::chrono::year(*year),
                                         std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day)));
  if (!date.ok()) return std::nullopt;
  return std::chrono::sys_days(date);
}

std::optional<Duration> take_clock(Cursor& cursor) {
  const auto hour = cursor.number(2);
  if (!hour || *hour > 23 || !cursor.take(":")) return std::nullopt;
  const auto minute = cursor.number(2);
  if (!minute || *minute > 59) return std::nullopt;
  Duration clock = std::chrono::hours(*hour) + std::chrono::minutes(*minute);
  if (!cursor.take(":")) return clock;
  const auto second = cursor.number(2);
  if (!second || *second > 60) return std::nullopt;  // 60: a leap second
  clock += std::chrono::seconds(*second);
  if (!cursor.take(".,")) return clock;
  int weight = 100;  // milliseconds; what is finer is dropped
  bool any = false;
  while (const auto digit = cursor.number(1)) {
    clock += Duration(*digit * weight);
    weight /= 10;
    any = true;
  }
  if (!any) return std::nullopt;
  return clock;
}

/// East of Greenwich; without one, UTC.
std::optional<Duration> take_offset(Cursor& cursor) {
  if (cursor.done() || cursor.take("Zz")) return Duration(0);
  const int sign = cursor.next() == '-' ? -1 : 1;
  if (!cursor.take("+-")) return std::nullopt;
  const auto hours = cursor.number(2);
  if (!hours || *hours > 23) return std::nullopt;
  if (cursor.done()) return Duration(std::chrono::hours(sign * *hours));
  cursor.take(":");
  const auto minutes = cursor.number(2);
  if (!minutes || *minutes > 59) return std::nullopt;
  return Duration(sign * (std::chrono::hours(*hours) + std::chrono::minutes(*minutes)));
}

std::optional<Timestamp> take_timestamp(Cursor& cursor) {
  const auto date = take_date(cursor);
  if (!date) return std::nullopt;
  if (cursor.done()) return Timestamp(*date);
  if (!cursor.take("Tt ")) return std::nullopt;
  const auto clock = take_clock(cursor);
  if (!clock) return std::nullopt;
  cursor.take(" ");
  const auto offset = take_offset(cursor);
  if (!offset || !cursor.done()) return std::nullopt;
  return Timestamp(*date) + *clock - *offset;
}

struct Unit {
  std::string_view name;
  std::int64_t milliseconds;
};

constexpr std::array k_units{Unit{"ms", 1}, Unit{"s", 1000}, Unit{"m", 60'000},
                             Unit{"h", 3'600'000}, Unit{"d", 86'400'000}};

}  // namespace

Result<Timestamp> parse_rfc3339(std::string_view text) {
  Cursor cursor(text::trim(text));
  if (const auto time = take_timestamp(cursor)) return *time;
  return Error{Errc::invalid, "'" + text::printable(text.substr(0, 64)) +
                                  "' is no time: expected one such as 2026-01-04T10:00:00Z"};
}

Result<Duration> parse_duration(std::string_view text) {
  const std::string_view trimmed = text::trim(text);
  std::int64_t count = 0;
  const char* const last = trimmed.data() + trimmed.size();
  const auto [stop, error] = std::from_chars(trimmed.data(), last, count);
  if (error == std::errc{} && count >= 0) {
    if (stop == last && count == 0) return Duration(0);  // nothing is nothing in every unit
    const std::string_view name =
        text::trim(std::string_view(stop, static_cast<std::size_t>(last - stop)));
    for (const Unit& unit : k_units)
      if (unit.name == name &&
          count <= std::numeric_limits<std::int64_t>::max() / unit.milliseconds)
        return Duration(count * unit.milliseconds);
  }
  return Error{Errc::invalid, "'" + text::printable(text.substr(0, 64)) +
                                  "' is no duration: expected a number with ms, s, m, h or d, such "
                                  "as \"90s\" or \"72h\""};
}

}  // namespace reelkeep
