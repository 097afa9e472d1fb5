#include "sqlite/query.hpp"

#include <SQLiteCpp/Column.h>
#include <algorithm>
#include <cstddef>
#include <limits>

namespace reelkeep::sqlite {

template <>
std::optional<ArtifactKind> parse_word(std::string_view text) noexcept {
  return parse_artifact_kind(text);
}
template <>
std::optional<ArtifactState> parse_word(std::string_view text) noexcept {
  return parse_artifact_state(text);
}
template <>
std::optional<SessionState> parse_word(std::string_view text) noexcept {
  return parse_session_state(text);
}
template <>
std::optional<DeliveryState> parse_word(std::string_view text) noexcept {
  return parse_delivery_state(text);
}
template <>
std::optional<ReplicaState> parse_word(std::string_view text) noexcept {
  return parse_replica_state(text);
}
template <>
std::optional<EntryKind> parse_word(std::string_view text) noexcept {
  return parse_entry_kind(text);
}
template <>
std::optional<Errc> parse_word(std::string_view text) noexcept {
  return parse_errc(text);
}

std::int64_t as_limit(std::size_t limit) noexcept {
  constexpr auto most = static_cast<std::size_t>(std::numeric_limits<std::int64_t>::max());
  return static_cast<std::int64_t>(std::min(limit, most));
}

Query::~Query() {
  // A failed step has been reported where it was run; reset tells it once more.
  m_statement.tryReset();
  m_statement.clearBindings();
}

bool Query::step() {
  m_column = 0;
  return m_statement.executeStep();
}

std::int64_t Query::run() {
  return m_statement.exec();
}

void Query::bind(std::int64_t value) {
  m_statement.bind(++m_parameter, value);
}
void Query::bind(std::string_view value) {
  m_statement.bind(++m_parameter, std::string(value));
}
void Query::bind(const std::string& value) {
  m_statement.bind(++m_parameter, value);
}
void Query::bind(BorrowedText value) {
  m_statement.bindNoCopy(++m_parameter, value.text);
}
void Query::bind_literal(const char* value) {
  m_statement.bindNoCopy(++m_parameter, value);
}
void Query::bind(std::nullopt_t) {
  m_statement.bind(++m_parameter);
}
void Query::bind(const Digest& value) {
  m_statement.bind(++m_parameter, value.bytes.data(), static_cast<int>(value.bytes.size()));
}
void Query::bind(BorrowedBlob value) {
  // A null pointer would be bound as NULL.
  const char* bytes = value.bytes.data() == nullptr ? "" : value.bytes.data();
  m_statement.bindNoCopy(++m_parameter, static_cast<const void*>(bytes),
                         static_cast<int>(value.bytes.size()));
}

void Query::read(std::int64_t& value) {
  value = m_statement.getColumn(m_column++).getInt64();
}
void Query::read(int& value) {
  value = static_cast<int>(next<std::int64_t>());
}
void Query::read(bool& value) {
  value = next<std::int64_t>() != 0;
}
void Query::read(std::string& value) {
  value = m_statement.getColumn(m_column++).getString();
}
void Query::read(Timestamp& value) {
  value = Timestamp(Duration(next<std::int64_t>()));
}
void Query::read(ByteCount& value) {
  value = ByteCount(static_cast<std::uint64_t>(next<std::int64_t>()));
}
void Query::read(Digest& value) {
  const auto text = next<std::string>();
  if (text.size() != value.bytes.size()) throw UnreadableRow("a digest is not 32 bytes long");
  std::transform(text.begin(), text.end(), value.bytes.begin(),
                 [](char c) { return static_cast<std::byte>(c); });
}

bool Query::next_is_null() const {
  return m_statement.getColumn(m_column).isNull();
}

}  // namespace reelkeep::sqlite
