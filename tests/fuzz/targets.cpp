#include "fuzz/targets.hpp"

#include <array>
#include <cstdio>
#include <cstdlib>
#include <string>

namespace reelkeep::fuzz {

void demand(bool holds, std::string_view what) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n", std::string(what).c_str());
  std::abort();
}

std::span<const Target> targets() {
  static constexpr std::array k_targets{
      Target{"payload", payload},
      Target{"api_answer", api_answer},
      Target{"config", config},
      Target{"url", url},
      Target{"name", name},
      Target{"media", media},
      Target{"s3_answer", s3_answer},
      Target{"http_request", http_request},
      Target{"http_answer", http_answer},
      Target{"record", record},
      Target{"masking", masking},
  };
  return k_targets;
}

std::string_view next_line(std::string_view& rest) {
  const auto end = rest.find('\n');
  const auto line = rest.substr(0, end);
  rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  return line;
}

}  // namespace reelkeep::fuzz
