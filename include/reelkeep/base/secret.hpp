#pragma once

#include <optional>
#include <string>
#include <utility>

namespace reelkeep {

/// A value that cannot be printed: there is no conversion and no stream operator; who needs the
/// plain text says reveal() and answers for it. Overwritten with zeros when it dies.
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string value) : m_value(std::move(value)) {}
  Secret(const Secret&) = default;
  Secret(Secret&&) noexcept = default;
  /// The value given up dies with `other`, zeroed.
  Secret& operator=(Secret other) noexcept {
    m_value.swap(other.m_value);
    return *this;
  }
  ~Secret();
  [[nodiscard]] const std::string& reveal() const noexcept { return m_value; }
  [[nodiscard]] bool empty() const noexcept { return m_value.empty(); }
  /// For noticing a rotation; not constant time, never use it to authenticate.
  friend bool operator==(const Secret&, const Secret&) = default;

 private:
  std::string m_value;
};

/// A user name and a password for HTTP Basic authentication.
struct Credential {
  std::string username;
  Secret password;
  friend bool operator==(const Credential&, const Credential&) = default;
};

}  // namespace reelkeep
