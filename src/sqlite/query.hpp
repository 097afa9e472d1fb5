#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

#include "reelkeep/base/byte_count.hpp"
#include "reelkeep/base/digest.hpp"
#include "reelkeep/base/ids.hpp"
#include "reelkeep/base/time.hpp"
#include "reelkeep/model/words.hpp"

#include "sqlite/connection.hpp"

namespace reelkeep::sqlite {

/// Bytes that outlive the query: bound without a copy, as a blob.
struct BorrowedBlob {
  std::string_view bytes;
};

/// Text that outlives the query: bound without a copy.
struct BorrowedText {
  explicit BorrowedText(const std::string& lasting) : text(lasting) {}
  explicit BorrowedText(std::string&&) = delete;
  const std::string& text;
};

// Every word in the schema is the model's own; parse_word is the inverse of its to_string.
template <class Word>
std::optional<Word> parse_word(std::string_view text) noexcept;
template <>
std::optional<ArtifactKind> parse_word(std::string_view text) noexcept;
template <>
std::optional<ArtifactState> parse_word(std::string_view text) noexcept;
template <>
std::optional<SessionState> parse_word(std::string_view text) noexcept;
template <>
std::optional<DeliveryState> parse_word(std::string_view text) noexcept;
template <>
std::optional<ReplicaState> parse_word(std::string_view text) noexcept;
template <>
std::optional<EntryKind> parse_word(std::string_view text) noexcept;
template <>
std::optional<Errc> parse_word(std::string_view text) noexcept;

/// A size_t as SQLite's LIMIT.
std::int64_t as_limit(std::size_t limit) noexcept;

/// One run of a prepared statement: binds parameters and reads columns in order, and leaves the
/// statement ready for its next run. Throws SQLite::Exception and UnreadableRow.
///
/// Times are milliseconds since 1970 UTC, sizes 64-bit integers, digests blobs of 32 bytes, words
/// text, absent values NULL.
class Query {
 public:
  template <class... Values>
  Query(Connection& connection, std::string_view sql, const Values&... values)
      : m_statement(connection.statement(sql)) {
    m_statement.tryReset();
    (bind(values), ...);
  }
  Query(const Query&) = delete;
  Query& operator=(const Query&) = delete;
  ~Query();

  /// To the next row; false: there is none.
  bool step();
  /// To the end; rows changed.
  std::int64_t run();

  void bind(std::int64_t value);
  void bind(int value) { bind(std::int64_t{value}); }
  void bind(bool value) { bind(std::int64_t{value ? 1 : 0}); }
  void bind(std::string_view value);
  void bind(const std::string& value);
  void bind(const char* value) { bind(std::string_view(value)); }
  void bind(BorrowedBlob value);
  void bind(BorrowedText value);
  void bind_literal(const char* value);  ///< lives for ever: bound without a copy
  void bind(const Digest& value);
  void bind(Timestamp value) { bind(std::int64_t{value.time_since_epoch().count()}); }
  /// The bits as they are: also sizes that only a broken sender can mean come back unchanged.
  void bind(ByteCount value) { bind(static_cast<std::int64_t>(value.get())); }
  void bind(std::nullopt_t);
  template <class Word>
  requires std::is_enum_v<Word>
  void bind(Word word) { bind_literal(to_string(word).data()); }
  template <class Tag, class Value>
  void bind(const Strong<Tag, Value>& value) {
    bind(value.get());
  }
  template <class Value>
  void bind(const std::optional<Value>& value) {
    if (value)
      bind(*value);
    else
      bind(std::nullopt);
  }

  /// Next column of the row.
  template <class Value>
  Value next() {
    Value value{};
    read(value);
    return value;
  }
  template <class Value>
  void read(std::optional<Value>& value) {
    if (next_is_null()) {
      ++m_column;
      value.reset();
    } else {
      value = next<Value>();
    }
  }
  void read(std::int64_t& value);
  void read(int& value);
  void read(bool& value);
  void read(std::string& value);
  void read(Digest& value);
  void read(Timestamp& value);
  void read(ByteCount& value);
  template <class Tag, class Value>
  void read(Strong<Tag, Value>& value) {
    value = Strong<Tag, Value>(next<Value>());
  }
  template <class Word>
  requires std::is_enum_v<Word>
  void read(Word& word) {
    const auto text = next<std::string>();
    const auto parsed = parse_word<Word>(text);
    if (!parsed) throw UnreadableRow("unknown word \"" + text + "\"");
    word = *parsed;
  }

 private:
  [[nodiscard]] bool next_is_null() const;
  SQLite::Statement& m_statement;
  int m_parameter = 0;
  int m_column = 0;
};

}  // namespace reelkeep::sqlite
