#include <string>

#include "reelkeep/base/text.hpp"

#include "enablex/payload.hpp"
#include "enablex/provider_api.hpp"
#include "fuzz/event_properties.hpp"
#include "fuzz/targets.hpp"

namespace reelkeep::fuzz {
namespace {

constexpr Timestamp k_asked_at{std::chrono::seconds(1'767'520'800)};

const ApiAccess& access() {
  static const ApiAccess k_access{Url::parse("https://api.example.com/video/v2/").value(),
                                  Credential{"asked-app", Secret("hush-hush")}};
  return k_access;
}

void check(const Error& error) {
  demand(!error.message.empty(), "what is refused has a reason");
  demand(text::printable(error.message) == error.message, "the reason is fit to be shown");
  demand(error.message.size() < 4096, "the reason is short, whatever the provider says");
  demand(error.message.find("hush-hush") == std::string::npos &&
             error.message.find("YXNrZWQtYXBwOmh1c2gtaHVzaA==") == std::string::npos,
         "the reason does not hold the pair that was sent");
}

/// As the agent reads an item: from the journal, as it was written.
void check_item(const Provider& provider, std::string_view item) {
  const auto decoded = provider.decode_listed(item, AppId("asked-app"), k_asked_at);
  if (!decoded) {
    demand(decoded.error().code == Errc::invalid, "an item that cannot be read is invalid");
    check(decoded.error());
    return;
  }
  check_decoded(*decoded);
  const auto again = provider.decode_listed(item, AppId("asked-app"), k_asked_at);
  demand(again && again->events.size() == decoded->events.size(), "decoding is pure");
}

}  // namespace

/// The body of an answer of the REST API: a listing, one item of it, or a CDR.
void api_answer(std::string_view input) {
  static const auto provider = enablex::make_provider({});
  for (const int status : {200, 302, 401, 404, 500}) {
    const auto items =
        enablex::read_listing(HttpAnswer{.status = status, .body = std::string(input)}, access());
    if (!items) {
      check(items.error());
      continue;
    }
    demand(status == 200, "only an answer of 200 lists anything");
    for (const std::string& item : *items) {
      demand(input.find(item) != std::string_view::npos, "an item is kept as it was written");
      check_item(*provider, item);
    }
  }
  check_item(*provider, input);
  if (const Status cdr = provider->judge_cdr(input, access().credential); !cdr) {
    demand(cdr.error().code == Errc::unavailable || cdr.error().code == Errc::corrupt,
           "a CDR that is not kept is waited for");
    check(cdr.error());
  }
}

}  // namespace reelkeep::fuzz
