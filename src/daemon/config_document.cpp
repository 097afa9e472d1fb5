#include "daemon/config_document.hpp"

#include <algorithm>
#include <exception>
#include <utility>

// The library asserts, or under NDEBUG assumes, what a malformed text breaks ("[" at the end of a
// line); what it checks next is the same, and reported as an error.
#undef NDEBUG
#define TOML_ASSERT(expression) static_cast<void>(0)
#define TOML_EXCEPTIONS 0
#define TOML_ENABLE_FORMATTERS 0
#include <toml++/toml.h>

#include "reelkeep/base/text.hpp"

namespace reelkeep::daemon {
namespace {

Position position(const toml::source_position& at) {
  return Position{static_cast<unsigned>(at.line), static_cast<unsigned>(at.column)};
}

/// Our own grammar is three deep. The library bounds nested values, but not dotted keys, and what
/// it builds from them is walked and freed by recursion.
constexpr unsigned k_deepest = 32;
constexpr unsigned k_most_dots = 256;

/// A key of more dots than anybody writes; strings may have some, but not so many in a row.
bool has_endless_key(std::string_view toml) {
  unsigned dots = 0;
  for (const char c : toml) {
    if (c == '.' && ++dots > k_most_dots) return true;
    if (c == '\n' || c == '=' || c == ',' || c == '{' || c == '[' || c == '#') dots = 0;
  }
  return false;
}

Node convert(const toml::node& from, unsigned depth);

Node convert_table(const toml::table& table, unsigned depth) {
  Node to;
  to.kind = Node::Kind::table;
  for (const auto& [key, value] : table)
    to.members.push_back(
        Member{std::string(key.str()), position(key.source().begin), convert(value, depth + 1)});
  // The library keeps its members by name; people read files from top to bottom.
  std::stable_sort(to.members.begin(), to.members.end(),
                   [](const Member& a, const Member& b) { return a.at < b.at; });
  return to;
}

Node convert(const toml::node& from, unsigned depth) {
  Node to;
  if (depth > k_deepest) {
    to.kind = from.is_table() ? Node::Kind::table : Node::Kind::array;
  } else if (const auto* table = from.as_table()) {
    to = convert_table(*table, depth);
  } else if (const auto* array = from.as_array()) {
    to.kind = Node::Kind::array;
    for (const toml::node& item : *array) to.items.push_back(convert(item, depth + 1));
  } else if (const auto* text = from.as_string()) {
    to.kind = Node::Kind::string;
    to.text = text->get();
  } else if (const auto* integer = from.as_integer()) {
    to.kind = Node::Kind::integer;
    to.number = integer->get();
  } else if (const auto* flag = from.as_boolean()) {
    to.kind = Node::Kind::boolean;
    to.flag = flag->get();
  } else {
    to.kind = from.is_floating_point() ? Node::Kind::real : Node::Kind::date;
  }
  to.at = position(from.source().begin);
  return to;
}

}  // namespace

const Member* Node::find(std::string_view key) const {
  for (const Member& member : members)
    if (member.key == key) return &member;
  return nullptr;
}

std::string_view noun(Node::Kind kind) noexcept {
  switch (kind) {
    case Node::Kind::string:
      return "a string";
    case Node::Kind::integer:
      return "an integer";
    case Node::Kind::real:
      return "a decimal number";
    case Node::Kind::boolean:
      return "a boolean";
    case Node::Kind::date:
      return "a date or time";
    case Node::Kind::array:
      return "an array";
    case Node::Kind::table:
      return "a table";
  }
  return "something else";
}

Document parse_document(std::string_view toml) {
  Document document;
  if (has_endless_key(toml)) {
    document.error = Document::SyntaxError{Position{}, "a key has too many dots"};
    return document;
  }
  try {
    toml::parse_result parsed = toml::parse(toml);
    if (parsed) {
      document.root = convert_table(parsed.table(), 0);
    } else {
      const toml::parse_error& error = parsed.error();
      std::string why = text::printable(error.description());
      if (why.starts_with("Error ")) why.front() = 'e';
      document.error = Document::SyntaxError{position(error.source().begin), std::move(why)};
    }
  } catch (const std::exception& exception) {  // std::bad_alloc; the library itself throws nothing
    document.error = Document::SyntaxError{Position{}, exception.what()};
  }
  return document;
}

}  // namespace reelkeep::daemon
