#include "reelkeep/base/byte_count.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <limits>

#include "reelkeep/base/text.hpp"

namespace reelkeep {
namespace {

struct Unit {
  std::string_view name;  // lower case
  std::uint64_t bytes;
};

constexpr std::array k_units{
    Unit{"", 1},
    Unit{"b", 1},
    Unit{"kb", 1'000},
    Unit{"kib", 1ULL << 10U},
    Unit{"mb", 1'000'000},
    Unit{"mib", 1ULL << 20U},
    Unit{"gb", 1'000'000'000},
    Unit{"gib", 1ULL << 30U},
    Unit{"tb", 1'000'000'000'000},
    Unit{"tib", 1ULL << 40U},
    Unit{"pb", 1'000'000'000'000'000},
    Unit{"pib", 1ULL << 50U},
};

Error unacceptable(std::string_view text) {
  return Error{Errc::invalid, "'" + text::printable(text) +
                                  "' is no size: expected a number with B, KB, KiB, MB, MiB, GB, "
                                  "GiB, TB or TiB, such as \"512KiB\""};
}

}  // namespace

std::string to_string(ByteCount bytes) {
  constexpr std::array<std::string_view, 7> k_names{"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  if (bytes.get() < 1024) return std::to_string(bytes.get()) + " B";
  auto value = static_cast<double>(bytes.get());
  std::size_t unit = 0;
  // 1023.95 and more would be shown as 1024.0 of the smaller unit.
  while (value >= 1023.95 && unit + 1 < k_names.size()) {
    value /= 1024;
    ++unit;
  }
  const auto tenths = static_cast<std::uint64_t>(std::llround(value * 10));
  std::string shown = std::to_string(tenths / 10);
  if (tenths % 10 != 0) shown += "." + std::to_string(tenths % 10);
  return shown + " " + std::string(k_names.at(unit));
}

Result<ByteCount> parse_byte_count(std::string_view text) {
  constexpr auto k_most = std::numeric_limits<std::uint64_t>::max();
  const std::string_view trimmed = text::trim(text);
  const std::size_t end = trimmed.find_first_not_of("0123456789.");
  const std::string_view number = trimmed.substr(0, end);
  const std::string name =
      end == std::string_view::npos ? "" : text::lower(text::trim(trimmed.substr(end)));

  std::uint64_t whole = 0;
  const char* const last = number.data() + number.size();
  const auto [stop, error] = std::from_chars(number.data(), last, whole);
  if (error != std::errc{}) return unacceptable(text);

  for (const Unit& unit : k_units) {
    if (unit.name != name) continue;
    if (whole > k_most / unit.bytes) return unacceptable(text);
    std::uint64_t bytes = whole * unit.bytes;
    if (stop != last) {
      // A fraction: three digits at most, and none of a byte.
      const std::string_view digits(stop + 1, static_cast<std::size_t>(last - stop - 1));
      if (*stop != '.' || digits.empty() || digits.size() > 3 || unit.bytes == 1)
        return unacceptable(text);
      std::uint64_t fraction = 0;
      if (std::from_chars(digits.data(), last, fraction).ptr != last) return unacceptable(text);
      std::uint64_t scale = 1;
      for (std::size_t i = 0; i < digits.size(); ++i) scale *= 10;
      const std::uint64_t more = fraction * unit.bytes / scale;
      if (bytes > k_most - more) return unacceptable(text);
      bytes += more;
    }
    return ByteCount(bytes);
  }
  return unacceptable(text);
}

}  // namespace reelkeep
