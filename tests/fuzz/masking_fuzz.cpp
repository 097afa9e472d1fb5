#include <array>
#include <string>

#include "daemon/operator_masking.hpp"
#include "fuzz/targets.hpp"
#include "json/value.hpp"

namespace reelkeep::fuzz {

/// A body with secrets in it, and the fuzzer's bytes around them.
void masking(std::string_view input) {
  const std::array<std::string, 1> volatile_query{"session"};
  const std::string masked = daemon::mask_secrets(input, volatile_query);
  if (!json::parse(input)) return;
  demand(json::parse(masked).has_value(), "a document stays one");
  std::string planted = R"({"password":"pl4nted","u":"https://a:pl4nted@h/f?session=pl4nted","x":)";
  planted.append(input).append("}");
  if (json::parse(planted))
    demand(daemon::mask_secrets(planted, volatile_query).find("pl4nted") == std::string::npos ||
               input.find("pl4nted") != std::string_view::npos,
           "a secret in a document is masked whatever stands beside it");
}

}  // namespace reelkeep::fuzz
