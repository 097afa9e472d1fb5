#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "reelkeep/base/result.hpp"

namespace reelkeep::json {

struct Member;

/// A JSON value with all that it contains. Asking for another type than it has gives nothing and
/// never fails, so that hostile documents need no care: `value["a"]["b"].string()`.
/// A value type; immutable once parsed; views and references live as long as the Value.
class Value {
 public:
  enum class Kind { null, boolean, number, string, array, object };

  Value();
  explicit Value(bool boolean);
  Value(const Value&);
  Value(Value&&) noexcept;
  Value& operator=(const Value&);
  Value& operator=(Value&&) noexcept;
  ~Value();
  /// `text` is the number as written.
  static Value of_number(std::string text);
  static Value of_string(std::string text);
  static Value of_array(std::vector<Value> items);
  /// Where a key comes twice the last one wins.
  static Value of_object(std::vector<Member> members);

  [[nodiscard]] Kind kind() const noexcept;
  [[nodiscard]] bool is_null() const noexcept { return kind() == Kind::null; }
  [[nodiscard]] bool is_object() const noexcept { return kind() == Kind::object; }
  [[nodiscard]] bool is_array() const noexcept { return kind() == Kind::array; }

  [[nodiscard]] std::optional<bool> boolean() const noexcept;
  /// May hold NUL and any other character; always well-formed UTF-8 when it was parsed.
  [[nodiscard]] std::optional<std::string_view> string() const noexcept;
  /// A number as written: "1.50", "12345678901234567890123".
  [[nodiscard]] std::optional<std::string_view> number_text() const noexcept;
  /// A number that is an integer and fits, however written ("1e3", "7.0").
  [[nodiscard]] std::optional<std::int64_t> integer() const noexcept;
  /// A number, rounded to the nearest double.
  [[nodiscard]] std::optional<double> number() const noexcept;

  /// Empty for everything but an array.
  [[nodiscard]] std::span<const Value> items() const noexcept;
  /// Empty for everything but an object; in the order written, each key once.
  [[nodiscard]] std::span<const Member> members() const noexcept;
  /// The member of an object; null where there is none or this is no object.
  [[nodiscard]] const Value& operator[](std::string_view key) const noexcept;
  /// The same; nullptr where there is none.
  [[nodiscard]] const Value* find(std::string_view key) const noexcept;

 private:
  struct Number {
    std::string text;
  };
  /// In the order of Kind.
  using Content = std::variant<std::monostate, bool, Number, std::string, std::vector<Value>,
                               std::vector<Member>>;
  explicit Value(Content content);
  Content m_content;
};

struct Member {
  std::string key;
  Value value;
};

/// "null", "a boolean", "a number", "a string", "an array", "an object": for messages.
std::string_view to_string(Value::Kind kind) noexcept;

/// The deepest nesting of arrays and objects that is read.
constexpr std::size_t k_depth_limit = 64;

/// Reads one JSON document. Lax where senders are: comments, trailing commas and a byte order mark
/// are accepted. Strict where safety needs it: nesting deeper than k_depth_limit, text that is not
/// UTF-8, a NUL byte, and anything after the document are errors.
/// Errc::invalid says what is wrong and where (line, column, offset) and never quotes the text.
/// Work and memory are bounded by the text's size; pure; any thread.
[[nodiscard]] Result<Value> parse(std::string_view text);

/// A document whose member `key` may be long.
struct SplitItems {
  std::vector<std::string_view> items;  ///< as written, in order; views into the text
  Value rest;                           ///< all the other members
};

/// Reads an object as parse() does, but for the objects in its member `key` (a list of them, or one
/// alone): these are cut out as they are written, so that a long list is never held as values.
/// Whatever else is in that member is passed over.
[[nodiscard]] Result<SplitItems> split_items(std::string_view text, std::string_view key);

}  // namespace reelkeep::json
