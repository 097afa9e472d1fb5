#pragma once

#include <span>
#include <string>
#include <string_view>

namespace reelkeep::daemon {

/// A webhook body for people: JSON is laid out anew, other text stays as it is. `***` stands for
/// user info in URLs, the values of signing and of `volatile_query` parameters, credentials of an
/// Authorization header, and what a member or parameter with a name like "password" holds. Pure.
[[nodiscard]] std::string mask_secrets(std::string_view body,
                                       std::span<const std::string> volatile_query);

}  // namespace reelkeep::daemon
