#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "reelkeep/base/secret.hpp"

namespace reelkeep::http {

/// The pairs that may come in, compared in constant time: how long a check takes tells neither
/// whether a user exists nor how much of a password is right. Immutable; any thread.
class BasicAuth {
 public:
  explicit BasicAuth(const std::vector<Credential>& users);

  /// Nobody to check against: everyone may.
  [[nodiscard]] bool open_to_all() const noexcept { return m_users.empty(); }
  /// Value of an Authorization header. The user's name; nothing: not one of ours.
  [[nodiscard]] std::optional<std::string> check(std::string_view authorization) const;

 private:
  struct User {
    std::string name;
    Secret pair;  ///< "name:password"
  };
  std::vector<User> m_users;
};

}  // namespace reelkeep::http
