#include "json/value.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numeric>
#include <utility>

namespace reelkeep::json {
namespace {

bool has_repeated_keys(const std::vector<Member>& members) {
  for (auto one = members.begin(); one != members.end(); ++one)
    for (auto other = members.begin(); other != one; ++other)
      if (one->key == other->key) return true;
  return false;
}

/// Keeps the last of each key. By sorting: hashing what a stranger chose invites collisions.
std::vector<Member> without_repeated_keys(std::vector<Member> members) {
  constexpr std::size_t k_few = 32;  // comparing every pair is quicker than sorting
  if (members.size() <= k_few && !has_repeated_keys(members)) return members;
  std::vector<std::size_t> order(members.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return members[a].key < members[b].key; });
  std::vector<bool> keep(members.size(), true);
  bool repeated = false;
  for (std::size_t i = 1; i < order.size(); ++i) {
    if (members[order[i - 1]].key != members[order[i]].key) continue;
    keep[order[i - 1]] = false;
    repeated = true;
  }
  if (!repeated) return members;
  std::vector<Member> kept;
  for (std::size_t i = 0; i < members.size(); ++i)
    if (keep[i]) kept.push_back(std::move(members[i]));
  return kept;
}

}  // namespace

Value::Value() = default;
Value::Value(bool boolean) : m_content(boolean) {}
Value::Value(Content content) : m_content(std::move(content)) {}
Value::Value(const Value&) = default;
Value::Value(Value&&) noexcept = default;
Value& Value::operator=(const Value&) = default;
Value& Value::operator=(Value&&) noexcept = default;
Value::~Value() = default;

Value Value::of_number(std::string text) {
  return Value(Content(Number{std::move(text)}));
}
Value Value::of_string(std::string text) {
  return Value(Content(std::move(text)));
}
Value Value::of_array(std::vector<Value> items) {
  return Value(Content(std::move(items)));
}
Value Value::of_object(std::vector<Member> members) {
  return Value(Content(without_repeated_keys(std::move(members))));
}

Value::Kind Value::kind() const noexcept {
  return static_cast<Kind>(m_content.index());
}

std::optional<bool> Value::boolean() const noexcept {
  const bool* held = std::get_if<bool>(&m_content);
  return held != nullptr ? std::optional(*held) : std::nullopt;
}

std::optional<std::string_view> Value::string() const noexcept {
  const std::string* held = std::get_if<std::string>(&m_content);
  return held != nullptr ? std::optional<std::string_view>(*held) : std::nullopt;
}

std::optional<std::string_view> Value::number_text() const noexcept {
  const Number* held = std::get_if<Number>(&m_content);
  return held != nullptr ? std::optional<std::string_view>(held->text) : std::nullopt;
}

std::optional<std::int64_t> Value::integer() const noexcept {
  const std::optional<std::string_view> text = number_text();
  if (!text) return std::nullopt;
  const char* end = text->data() + text->size();
  std::int64_t integer = 0;
  const auto read = std::from_chars(text->data(), end, integer);
  if (read.ec == std::errc{} && read.ptr == end) return integer;
  // Written with a fraction or an exponent: exact only as far as a double counts by ones.
  if (text->find_first_of(".eE") == std::string_view::npos) return std::nullopt;
  constexpr double k_exact = 9007199254740992.0;  // 2^53
  const std::optional<double> rounded = number();
  if (!rounded || std::fabs(*rounded) > k_exact || std::trunc(*rounded) != *rounded)
    return std::nullopt;
  return static_cast<std::int64_t>(*rounded);
}

std::optional<double> Value::number() const noexcept {
  const std::optional<std::string_view> text = number_text();
  if (!text) return std::nullopt;
  double number = 0;
  const auto read = std::from_chars(text->data(), text->data() + text->size(), number);
  // Out of range: too near to zero is zero, parse() refuses what is too large.
  if (read.ec == std::errc::result_out_of_range) return 0.0;
  return number;
}

std::span<const Value> Value::items() const noexcept {
  const auto* held = std::get_if<std::vector<Value>>(&m_content);
  return held != nullptr ? std::span<const Value>(*held) : std::span<const Value>();
}

std::span<const Member> Value::members() const noexcept {
  const auto* held = std::get_if<std::vector<Member>>(&m_content);
  return held != nullptr ? std::span<const Member>(*held) : std::span<const Member>();
}

const Value* Value::find(std::string_view key) const noexcept {
  const std::span<const Member> all = members();
  const auto found =
      std::find_if(all.begin(), all.end(), [&](const Member& member) { return member.key == key; });
  return found != all.end() ? &found->value : nullptr;
}

const Value& Value::operator[](std::string_view key) const noexcept {
  static const Value k_null;
  const Value* found = find(key);
  return found != nullptr ? *found : k_null;
}

std::string_view to_string(Value::Kind kind) noexcept {
  switch (kind) {
    case Value::Kind::null:
      return "null";
    case Value::Kind::boolean:
      return "a boolean";
    case Value::Kind::number:
      return "a number";
    case Value::Kind::string:
      return "a string";
    case Value::Kind::array:
      return "an array";
    case Value::Kind::object:
      return "an object";
  }
  abort_broken_invariant("a JSON kind outside its table");
}

}  // namespace reelkeep::json
