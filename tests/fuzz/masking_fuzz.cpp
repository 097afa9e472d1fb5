#include <array>
#include <string>

#include "daemon/operator_masking.hpp"
#include "fuzz/targets.hpp"

namespace reelkeep::fuzz {

/// A body that begins with secrets and goes on with the fuzzer's bytes, JSON or not.
void masking(std::string_view input) {
  const std::array<std::string, 1> volatile_query{"session"};
  (void)daemon::mask_secrets(input, volatile_query);
  if (input.find("pl4nted") != std::string_view::npos) return;
  std::string planted =
      R"({"password":"pl4nted","pin": pl4nted,"u":"https://a:pl4nted@h/f?session=pl4nted",)"
      R"("h":"Basic pl4ntedpl4nted=","x":)";
  planted.append(input).append("}");
  demand(daemon::mask_secrets(planted, volatile_query).find("pl4nted") == std::string::npos,
         "a secret is masked whatever stands beside it");
}

}  // namespace reelkeep::fuzz
