#include "reelkeep/base/time.hpp"

#include <array>
#include <cstdint>

namespace reelkeep {
namespace {

struct Unit {
  std::string_view name;
  std::uint64_t milliseconds;
};

constexpr std::array k_units{Unit{"d", 86'400'000}, Unit{"h", 3'600'000}, Unit{"m", 60'000},
                             Unit{"s", 1000}, Unit{"ms", 1}};

std::uint64_t magnitude(Duration duration) noexcept {
  const auto count = static_cast<std::uint64_t>(duration.count());
  return duration.count() < 0 ? 0 - count : count;  // also right for the smallest value
}

std::string two_units(std::uint64_t milliseconds) {
  for (std::size_t i = 0; i < k_units.size(); ++i) {
    const Unit& unit = k_units.at(i);
    if (milliseconds < unit.milliseconds) continue;
    std::string shown = std::to_string(milliseconds / unit.milliseconds) + std::string(unit.name);
    if (i + 1 == k_units.size()) return shown;
    const Unit& next = k_units.at(i + 1);
    if (const auto rest = milliseconds % unit.milliseconds / next.milliseconds; rest != 0)
      shown += " " + std::to_string(rest) + std::string(next.name);
    return shown;
  }
  return "0s";
}

/// At least `width` digits.
std::string digits(std::int64_t value, std::size_t width) {
  std::string text = std::to_string(value);
  if (text.size() < width) text.insert(0, width - text.size(), '0');
  return text;
}

}  // namespace

std::string to_rfc3339(Timestamp time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(time - day);
  return digits(int{date.year()}, 4) + "-" + digits(unsigned{date.month()}, 2) + "-" +
         digits(unsigned{date.day()}, 2) + "T" + digits(clock.hours().count(), 2) + ":" +
         digits(clock.minutes().count(), 2) + ":" + digits(clock.seconds().count(), 2) + "." +
         digits(clock.subseconds().count(), 3) + "Z";
}

std::string to_string(Duration duration) {
  return (duration.count() < 0 ? "-" : "") + two_units(magnitude(duration));
}

std::string relative(Timestamp time, Timestamp now) {
  const Duration distance = time - now;
  const std::uint64_t seconds = magnitude(distance) / 1000;
  if (seconds == 0) return "now";
  const std::string shown = two_units(seconds * 1000);
  return distance.count() < 0 ? shown + " ago" : "in " + shown;
}

}  // namespace reelkeep
