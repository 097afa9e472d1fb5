#include "http/basic_auth.hpp"

#include "reelkeep/base/text.hpp"

#include "crypto/secure.hpp"

namespace reelkeep::http {

BasicAuth::BasicAuth(const std::vector<Credential>& users) {
  for (const auto& user : users)
    m_users.push_back({user.username, Secret(user.username + ":" + user.password.reveal())});
}

std::optional<std::string> BasicAuth::check(std::string_view authorization) const {
  constexpr std::string_view k_scheme = "basic ";
  if (!text::equals_ignoring_case(authorization.substr(0, k_scheme.size()), k_scheme))
    return std::nullopt;
  const auto decoded = text::from_base64(text::trim(authorization.substr(k_scheme.size())));
  if (!decoded) return std::nullopt;
  const Secret presented(*decoded);
  // Every pair is compared, also after a match.
  const User* found = nullptr;
  for (const auto& user : m_users)
    if (constant_time_equal(presented.reveal(), user.pair.reveal())) found = &user;
  if (found == nullptr) return std::nullopt;
  return found->name;
}

}  // namespace reelkeep::http
