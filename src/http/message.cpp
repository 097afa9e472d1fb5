#include "http/message.hpp"

#include <algorithm>
#include <charconv>

namespace reelkeep::http {
namespace {

/// Digits only; a value beyond 64 bits counts as the largest one.
std::optional<std::uint64_t> parse_offset(std::string_view text) noexcept {
  if (text.empty() || text.find_first_not_of("0123456789") != std::string_view::npos)
    return std::nullopt;
  std::uint64_t value = 0;
  if (std::from_chars(text.data(), text.data() + text.size(), value).ec != std::errc{})
    value = std::numeric_limits<std::uint64_t>::max();
  return value;
}

}  // namespace

const std::string* Request::header(std::string_view lower_name) const noexcept {
  const auto found = std::find_if(headers.begin(), headers.end(),
                                  [&](const auto& header) { return header.first == lower_name; });
  return found == headers.end() ? nullptr : &found->second;
}

Response text_response(int status, std::string_view text) {
  Response response;
  response.status = status;
  response.headers = {{"Content-Type", "text/plain; charset=utf-8"}};
  response.body.append(text).push_back('\n');
  return response;
}

RequestedRange parse_range(std::string_view value, std::uint64_t size) noexcept {
  constexpr std::string_view k_unit = "bytes=";
  if (!value.starts_with(k_unit)) return {};
  value.remove_prefix(k_unit.size());
  const auto dash = value.find('-');
  if (dash == std::string_view::npos) return {};
  const auto first_text = value.substr(0, dash);
  const auto last_text = value.substr(dash + 1);
  const auto first = parse_offset(first_text);
  const auto last = parse_offset(last_text);
  if (first_text.empty()) {  // the last so many bytes
    if (!last) return {};
    if (*last == 0 || size == 0) return {.kind = RangeKind::unsatisfiable};
    return {.kind = RangeKind::part, .bytes = {size - std::min(size, *last), size - 1}};
  }
  if (!first || (!last && !last_text.empty()) || (last && *last < *first)) return {};
  if (*first >= size) return {.kind = RangeKind::unsatisfiable};
  return {.kind = RangeKind::part, .bytes = {*first, std::min(last.value_or(size - 1), size - 1)}};
}

}  // namespace reelkeep::http
