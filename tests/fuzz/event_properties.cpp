#include "fuzz/event_properties.hpp"

#include <variant>

#include "reelkeep/base/text.hpp"
#include "reelkeep/base/url.hpp"

#include "fuzz/targets.hpp"

namespace reelkeep::fuzz {
namespace {

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

void check_decoded(const Decoded& decoded) {
  if (decoded.remark)
    demand(text::printable(*decoded.remark) == *decoded.remark, "a remark is fit to be shown");
  for (const Event& event : decoded.events) {
    check_event(event);
    demand(event.session.app_id.get() == decoded.app_id &&
               event.session.conf_num.get() == decoded.conf_num,
           "event and bytes name one session");
  }
}

}  // namespace reelkeep::fuzz
