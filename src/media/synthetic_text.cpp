#include "media/synthetic_text.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "media/noise.hpp"
#include "media/overlay.hpp"

namespace reelkeep::media {
namespace {

constexpr std::uint64_t k_json_row = 128;
constexpr std::uint64_t k_text_row = 80;

std::string two_digits(std::uint64_t value) {
  return {static_cast<char>('0' + value / 10 % 10), static_cast<char>('0' + value % 10)};
}

/// Row number as time of day, one row in five seconds.
std::string clock_time(std::uint64_t row) {
  const std::uint64_t seconds = row * 5 % 86'400;
  return two_digits(seconds / 3600) + ":" + two_digits(seconds / 60 % 60) + ":" +
         two_digits(seconds % 60);
}

std::string words(std::uint64_t seed, std::uint64_t row, std::size_t most) {
  static constexpr std::array<std::string_view, 32> k_words = {
      "the",    "camera", "is",    "on",     "please", "share",  "your",  "screen",
      "we",     "hear",   "you",   "now",    "next",   "point",  "about", "budget",
      "agreed", "and",    "then",  "let",    "us",     "record", "this",  "part",
      "again",  "thanks", "every", "single", "minute", "counts", "today", "tomorrow"};
  std::string out;
  std::uint64_t bits = noise(seed, row);
  for (int taken = 0; taken < 12; ++taken, bits >>= 5U) {
    const std::string_view word = k_words[bits & 31U];
    if (out.size() + word.size() + 1 > most) break;
    if (!out.empty()) out += ' ';
    out += word;
  }
  return out;
}

std::string json_row(std::uint64_t seed, std::uint64_t row, bool last) {
  std::string out = "{\"at\": \"2026-01-04T" + clock_time(row) +
                    ".000Z\", \"from\": \"participant-" + two_digits(noise(seed, ~row) % 9 + 1) +
                    "\", \"text\": \"" + words(seed, row, 44) + "\"}";
  out.resize(k_json_row - 2, ' ');
  return out + (last ? " \n" : ",\n");
}

std::string text_row(std::uint64_t seed, std::uint64_t row) {
  std::string out = "[" + clock_time(row) + "] Speaker " + two_digits(noise(seed, ~row) % 9 + 1) +
                    ": " + words(seed, row, 50);
  out.resize(k_text_row - 1, ' ');
  return out + "\n";
}

}  // namespace

void fill_json(std::uint64_t seed, std::uint64_t size, std::uint64_t offset,
               std::span<std::byte> into) {
  std::fill(into.begin(), into.end(), std::byte{' '});
  if (size < 3) return overlay(size == 1 ? "0" : "[]", 0, offset, into);
  const std::uint64_t rows = (size - 3) / k_json_row;
  overlay("[\n", 0, offset, into);
  const std::uint64_t first = offset < 2 ? 0 : (offset - 2) / k_json_row;
  for (std::uint64_t row = first; row < rows; ++row) {
    const std::uint64_t at = 2 + row * k_json_row;
    if (at >= offset + into.size()) break;
    overlay(json_row(seed, row, row + 1 == rows), at, offset, into);
  }
  overlay("\n", size - 1, offset, into);
  overlay("]", 2 + rows * k_json_row, offset, into);
}

void fill_text(std::uint64_t seed, std::uint64_t size, std::uint64_t offset,
               std::span<std::byte> into) {
  for (std::uint64_t row = offset / k_text_row; row * k_text_row < offset + into.size(); ++row)
    overlay(text_row(seed, row), row * k_text_row, offset, into);
  if (size > 0) overlay("\n", size - 1, offset, into);
}

}  // namespace reelkeep::media
