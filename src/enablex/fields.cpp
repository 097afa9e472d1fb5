#include "enablex/fields.hpp"

#include <charconv>
#include <cmath>

#include "reelkeep/base/text.hpp"

namespace reelkeep::enablex {
namespace {

Error problem(std::string_view name, std::string_view what) {
  return Error{Errc::invalid, "'" + std::string(name) + "' " + std::string(what)};
}

bool is_integer(std::string_view number) {
  if (number.starts_with('-')) number.remove_prefix(1);
  return number.find_first_not_of("0123456789") == std::string_view::npos;
}

template <class Number>
std::optional<Number> read_whole(std::string_view text) {
  Number number{};
  const char* end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, number);
  if (read.ec != std::errc{} || read.ptr != end) return std::nullopt;
  return number;
}

std::optional<Timestamp> since_1970(double number) {
  // Seconds reach this in the year 5138, milliseconds passed it in 1973.
  constexpr double k_least_milliseconds = 1e11;
  constexpr double k_too_much = 1e15;
  if (!std::isfinite(number) || std::fabs(number) >= k_too_much) return std::nullopt;
  const double milliseconds = std::fabs(number) < k_least_milliseconds ? number * 1000 : number;
  return Timestamp(Duration(std::llround(milliseconds)));
}

std::optional<Timestamp> parse_time(const json::Value& value) {
  if (const auto number = value.number()) return since_1970(*number);
  const std::string_view text = text::trim(value.string().value_or(""));
  if (const auto number = read_whole<double>(text)) return since_1970(*number);
  const Result<Timestamp> time = parse_rfc3339(text);
  return time ? std::optional(*time) : std::nullopt;
}

std::string_view wrong_kind(json::Value::Kind kind) {
  using Kind = json::Value::Kind;
  switch (kind) {
    case Kind::null:
      return "is null";
    case Kind::boolean:
      return "is a boolean";
    case Kind::number:
      return "is a number";
    case Kind::string:
    case Kind::array:
    case Kind::object:
      break;
  }
  return "is no URL";
}

Status collect(const json::Value& value, const std::string& label, std::vector<UrlEntry>& entries) {
  if (value.is_array()) {
    std::size_t index = 0;
    for (const json::Value& item : value.items())
      REELKEEP_TRY(collect(item, label + "[" + std::to_string(index++) + "]", entries));
    return {};
  }
  if (value.is_object()) {
    if (const json::Value* url = value.find("url")) return collect(*url, label + ".url", entries);
  }
  if (entries.size() == k_files_per_event)
    return Error{Errc::invalid,
                 "more than " + std::to_string(k_files_per_event) + " files in one event"};
  UrlEntry entry{label, {}, {}};
  if (value.is_object())
    entry.problem = "has no url";
  else if (!value.string())
    entry.problem = wrong_kind(value.kind());
  else if (entry.text = text::trim(*value.string()); entry.text.empty())
    entry.problem = "is empty";
  else if (entry.text.size() > k_url_bytes)
    entry.problem = "is longer than 8 KiB";
  entries.push_back(std::move(entry));
  return {};
}

}  // namespace

bool has_control(std::string_view text) noexcept {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte < 0x20 || byte == 0x7F) return true;
    if (byte == 0xC2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xA0)
      return true;
  }
  return false;
}

Result<std::string> read_text(const json::Value& object, std::string_view name) {
  const json::Value& value = object[name];
  if (value.is_null()) return std::string();
  std::optional<std::string_view> text = value.string();
  if (!text) {
    text = value.number_text();
    if (!text) return problem(name, "is " + std::string(to_string(value.kind())));
    if (!is_integer(*text)) return problem(name, "is a number that is no integer");
  }
  if (text->size() > k_id_bytes) return problem(name, "is longer than 512 bytes");
  if (has_control(*text)) return problem(name, "has control characters");
  return std::string(text::trim(*text).empty() ? std::string_view() : *text);
}

Result<std::string> require_text(const json::Value& object, std::string_view name) {
  REELKEEP_ASSIGN(std::string text, read_text(object, name));
  if (text.empty()) return problem(name, "is missing or empty");
  return text;
}

std::optional<Timestamp> read_time(const json::Value& value, Timestamp received_at) {
  using std::chrono::year;
  constexpr Timestamp k_earliest = std::chrono::sys_days(year(2000) / 1 / 1);
  const std::optional<Timestamp> time = parse_time(value);
  if (!time || *time < k_earliest || *time > received_at + std::chrono::days(1))
    return std::nullopt;
  return time;
}

std::optional<ByteCount> read_size(const json::Value& value) {
  if (const auto number = value.integer()) {
    if (*number < 0) return std::nullopt;
    return ByteCount(static_cast<std::uint64_t>(*number));
  }
  const auto number = read_whole<std::uint64_t>(text::trim(value.string().value_or("")));
  return number ? std::optional(ByteCount(*number)) : std::nullopt;
}

Result<std::vector<UrlEntry>> read_urls(const json::Value& value, std::string_view name) {
  std::vector<UrlEntry> entries;
  if (value.is_null()) return entries;
  REELKEEP_TRY(collect(value, std::string(name), entries));
  return entries;
}

Result<Url> parse_url(std::string_view text) {
  std::string spaceless;
  spaceless.reserve(text.size());
  for (const char c : text) {
    if (c == ' ')
      spaceless += "%20";
    else
      spaceless += c;
  }
  return Url::parse(spaceless);
}

}  // namespace reelkeep::enablex
