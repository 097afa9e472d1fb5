#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>

namespace reelkeep {

/// A value that must not be mixed up with another of the same representation.
template <class Tag, class Value>
class Strong {
 public:
  Strong() = default;
  explicit Strong(Value value) : m_value(std::move(value)) {}
  [[nodiscard]] const Value& get() const noexcept { return m_value; }
  [[nodiscard]] bool empty() const noexcept { return m_value == Value{}; }
  friend auto operator<=>(const Strong&, const Strong&) = default;

 private:
  Value m_value{};
};

/// The provider's account unit.
using AppId = Strong<struct AppIdTag, std::string>;
/// One recorded occurrence within an AppId.
using ConfNum = Strong<struct ConfNumTag, std::string>;
/// A reusable place: an attribute, never a key.
using RoomId = Strong<struct RoomIdTag, std::string>;
/// First 12 hex digits of the SHA-256 of an artifact's identity.
using ArtifactId = Strong<struct ArtifactIdTag, std::string>;
/// `id` of a [[store]] or [[destination]] block.
using StoreId = Strong<struct StoreIdTag, std::string>;
/// Position in the journal; the first row is 1.
using Seq = Strong<struct SeqTag, std::int64_t>;
/// Row number in the catalog; valid within one catalog file only.
using SessionRow = Strong<struct SessionRowTag, std::int64_t>;
using ArtifactRow = Strong<struct ArtifactRowTag, std::int64_t>;
/// URL in the normal form that identifies a file (enablex::source_key).
using SourceKey = Strong<struct SourceKeyTag, std::string>;

}  // namespace reelkeep

template <class Tag, class Value>
struct std::hash<reelkeep::Strong<Tag, Value>> {
  std::size_t operator()(const reelkeep::Strong<Tag, Value>& strong) const noexcept {
    return std::hash<Value>{}(strong.get());
  }
};
