#include "reelkeep/base/text.hpp"

#include "curl/judgement.hpp"
#include "fuzz/targets.hpp"

namespace reelkeep::fuzz {
namespace {

void check(const curl::Judgement& judged, const curl::AnswerHead& head, const curl::Asked& asked) {
  using Kind = curl::Judgement::Kind;
  if (judged.kind == Kind::whole) demand(head.status() == 200, "a file comes with 200 only");
  if (judged.kind == Kind::rest)
    demand(head.status() == 206 && asked.offset.get() > 0, "a rest was asked for");
  if (judged.kind == Kind::redirect)
    demand(!judged.location.empty() && head.status() / 100 == 3, "a redirect leads somewhere");
  demand((judged.kind == Kind::refused) == judged.error.has_value(), "a refusal has its reason");
  demand(judged.validator.find_first_of("\r\n") == std::string::npos,
         "a validator cannot split a header line");
  if (!judged.error) return;
  const Error& error = *judged.error;
  demand(error.code != Errc::not_found || head.status() == 404 || head.status() == 410,
         "only 404 and 410 mean absence");
  demand(error.code != Errc::unauthorized || asked.pair_sent, "a pair not sent is not refused");
  demand(text::printable(error.message) == error.message, "a reason is fit to be shown");
  if (error.retry_after)
    demand(error.retry_after->count() >= 0 && *error.retry_after <= std::chrono::hours(1),
           "no server makes us wait for more than an hour");
}

}  // namespace

/// An answer's head, line by line.
void http_answer(std::string_view input) {
  const Timestamp now{std::chrono::seconds(1'767'520'800)};
  curl::AnswerHead head;
  while (!input.empty()) {
    const auto end = input.find('\n');
    const std::string_view line = input.substr(0, end == input.npos ? end : end + 1);
    input.remove_prefix(line.size());
    if (head.add(line) == curl::AnswerHead::Line::too_large) return;
  }
  for (const bool ranged : {false, true})
    for (const bool pair_sent : {false, true}) {
      curl::Asked asked{.host = "h", .pair_sent = pair_sent};
      if (ranged) {
        asked.offset = ByteCount(100);
        asked.validator = "\"v1\"";
        asked.length = ByteCount(1000);
      }
      check(curl::judge(head, asked, now), head, asked);
    }
}

}  // namespace reelkeep::fuzz
