#include <variant>

#include "reelkeep/base/text.hpp"
#include "reelkeep/base/url.hpp"

#include "enablex/payload.hpp"
#include "fuzz/targets.hpp"

namespace reelkeep::fuzz {
namespace {

constexpr Timestamp k_received{std::chrono::seconds(1'767'520'800)};

void check_offered(const OfferedFile& file) {
  const auto url = Url::parse(file.url);
  demand(url.has_value(), "an offered file has a URL that can be asked for");
  demand(!url->user_info(), "the URL of an offered file carries no user info");
  demand(!file.name.empty(), "an offered file has a name");
  demand(!file.source_key.empty(), "an offered file has a source key");
}

void check_event(const Event& event) {
  demand(!event.session.app_id.empty() && !event.session.conf_num.empty(),
         "an event belongs to a session");
  if (const auto* offered = std::get_if<FilesOffered>(&event.fact)) {
    demand(!offered->files.empty(), "an offer offers something");
    for (const OfferedFile& file : offered->files) check_offered(file);
  } else if (const auto* pushed = std::get_if<FilesPushed>(&event.fact)) {
    for (const DeliveredFile& file : pushed->files) {
      demand(!file.source_key.empty(), "a delivered file has a source key");
      demand(!file.name.empty(), "a delivered file has a name");
    }
  }
}

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
  if (decoded->remark)
    demand(text::printable(*decoded->remark) == *decoded->remark, "a remark is fit to be shown");
  for (const Event& event : decoded->events) {
    check_event(event);
    demand(event.session.app_id.get() == decoded->app_id &&
               event.session.conf_num.get() == decoded->conf_num,
           "event and body name one session");
  }
  const auto again = provider->decode(input, k_received);
  demand(again && again->events.size() == decoded->events.size(), "decoding is pure");
}

}  // namespace reelkeep::fuzz
