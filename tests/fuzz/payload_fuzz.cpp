#include "reelkeep/base/text.hpp"

#include "enablex/payload.hpp"
#include "fuzz/event_properties.hpp"
#include "fuzz/targets.hpp"

namespace reelkeep::fuzz {
namespace {

constexpr Timestamp k_received{std::chrono::seconds(1'767'520'800)};

}  // namespace

void payload(std::string_view input) {
  static const auto provider = enablex::make_provider({});
  const auto decoded = provider->decode(input, k_received);
  if (!decoded) {
    demand(decoded.error().code == Errc::invalid, "what cannot be read is invalid");
    demand(!decoded.error().message.empty(), "a refused body has a reason");
    demand(text::printable(decoded.error().message) == decoded.error().message,
           "the reason is fit to be shown");
    return;
  }
  demand(decoded->known_type || decoded->events.empty(), "an unknown type says nothing");
  check_decoded(*decoded);
  const auto again = provider->decode(input, k_received);
  demand(again && again->events.size() == decoded->events.size(), "decoding is pure");
}

}  // namespace reelkeep::fuzz
