#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "reelkeep/base/result.hpp"
#include "reelkeep/base/secret.hpp"

#include "json/value.hpp"

// What answers of the REST API have in common. All pure; any thread.
namespace reelkeep::enablex {

/// The provider's `result`, `error` and `desc` in one line of bounded length, without the pair that
/// was sent; empty where the answer says nothing of the kind.
std::string provider_words(const json::Value& answer, const std::optional<Credential>& sent);

/// `result` is 0 (a number or a string), or absent. Errc::unavailable with the provider's words.
Status check_result(const json::Value& answer, const std::optional<Credential>& sent);

/// Provider::judge_cdr.
Status judge_cdr(std::string_view answer, const std::optional<Credential>& sent);

}  // namespace reelkeep::enablex
