#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "reelkeep/base/byte_count.hpp"
#include "reelkeep/base/digest.hpp"
#include "reelkeep/base/ids.hpp"
#include "reelkeep/base/time.hpp"

namespace reelkeep::json {

enum class Layout { compact, pretty };

/// Builds one JSON document, piece by piece:
/// `writer.begin_object().member("id", id).key("list").begin_array()...`.
/// The document is always well-formed text: bytes that are not UTF-8 become U+FFFD, and control
/// characters (DEL and C1 too: it may be printed on a terminal) are escaped.
/// One thread at a time. Calls that cannot make a document (a value without its key, an end too
/// many) are defects of the caller and abort.
class Writer {
 public:
  explicit Writer(Layout layout = Layout::compact) : m_layout(layout) {}

  Writer& begin_object();
  Writer& end_object();
  Writer& begin_array();
  Writer& end_array();
  Writer& key(std::string_view name);

  Writer& value(std::string_view text);
  Writer& value(const char* text) { return value(std::string_view(text)); }
  Writer& value(const std::string& text) { return value(std::string_view(text)); }
  Writer& value(bool boolean);
  Writer& value(std::nullptr_t);
  /// Shortest text that reads back the same; infinities and NaN are null.
  Writer& value(double number);
  Writer& value(std::signed_integral auto number) {
    return raw(std::to_string(static_cast<std::int64_t>(number)));
  }
  Writer& value(std::unsigned_integral auto number) {
    return raw(std::to_string(static_cast<std::uint64_t>(number)));
  }
  /// A number of bytes.
  Writer& value(ByteCount bytes) { return value(bytes.get()); }
  /// 64 hex digits.
  Writer& value(const Digest& digest) { return value(digest.hex()); }
  /// RFC 3339, UTC, milliseconds.
  Writer& value(Timestamp time) { return value(to_rfc3339(time)); }
  template <class Tag, class Held>
  Writer& value(const Strong<Tag, Held>& strong) {
    return value(strong.get());
  }
  /// Nothing is null.
  template <class Held>
  Writer& value(const std::optional<Held>& held) {
    return held ? value(*held) : value(nullptr);
  }

  template <class Held>
  Writer& member(std::string_view name, const Held& held) {
    return key(name).value(held);
  }

  /// What was written since the last take(): all of it, or the next piece of a stream.
  std::string take();
  /// Bytes that take() would give.
  [[nodiscard]] std::size_t size() const noexcept { return m_text.size(); }

 private:
  enum class Scope { array, object };
  struct Level {
    Scope scope;
    bool empty = true;
  };

  Writer& raw(std::string_view token);
  void begin(Scope scope, char bracket);
  void end(Scope scope, char bracket);
  void place_value();
  /// Comma, line break and indentation before a key or an item.
  void separate();
  void new_line();
  void append_quoted(std::string_view text);

  Layout m_layout;
  std::vector<Level> m_levels;
  bool m_after_key = false;
  bool m_complete = false;  ///< a whole document was written
  std::string m_text;
};

}  // namespace reelkeep::json
