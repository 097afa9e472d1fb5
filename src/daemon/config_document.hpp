#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace reelkeep::daemon {

/// Line and column, both from 1; 0: nowhere in particular.
struct Position {
  unsigned line = 0;
  unsigned column = 0;
  friend auto operator<=>(const Position&, const Position&) = default;
};

struct Member;

/// A TOML value without the TOML library.
struct Node {
  enum class Kind { string, integer, real, boolean, date, array, table };
  Kind kind = Kind::table;
  Position at;
  std::string text;             ///< string
  std::int64_t number = 0;      ///< integer
  bool flag = false;            ///< boolean
  std::vector<Node> items;      ///< array
  std::vector<Member> members;  ///< table, in the order of the file

  [[nodiscard]] const Member* find(std::string_view key) const;
};

struct Member {
  std::string key;
  Position at;
  Node value;
};

/// "a string", "an integer": for messages.
std::string_view noun(Node::Kind kind) noexcept;

struct Document {
  Node root;
  /// The text is not TOML: where and why; `root` is empty then.
  struct SyntaxError {
    Position at;
    std::string message;
  };
  std::optional<SyntaxError> error;
};

/// The only place that knows the TOML library. Never throws, whatever the text.
Document parse_document(std::string_view toml);

}  // namespace reelkeep::daemon
