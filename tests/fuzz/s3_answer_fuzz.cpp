#include "reelkeep/base/text.hpp"

#include "fuzz/targets.hpp"
#include "s3/answers.hpp"
#include "s3/refusal.hpp"

namespace reelkeep::fuzz {
namespace {

template <class T>
void check(const Result<T>& result) {
  if (result) return;
  demand(result.error().code == Errc::unavailable, "an answer that makes no sense is unavailable");
  demand(text::printable(result.error().message) == result.error().message,
         "the reason is fit to be shown");
}

}  // namespace

/// First line: a Date header. What follows: an answer's body.
void s3_answer(std::string_view input) {
  std::string_view body = input;
  const std::string date(next_line(body));
  (void)s3::parse_http_date(date);
  check(s3::parse_uploads(body));
  check(s3::parse_begun_upload(body));
  check(s3::parse_first_key(body));
  const auto page = s3::parse_parts(body);
  check(page);
  if (page) (void)s3::completion(page->parts);

  const auto refusal = s3::parse_refusal(body);
  const s3::Asked asked{.endpoint = "https://s3.example",
                        .bucket = "bucket",
                        .region = "us-east-1",
                        .method = "PUT",
                        .key = "a/b",
                        .now = Timestamp(std::chrono::seconds(1'767'520'800))};
  for (const int status : {200, 301, 400, 403, 404, 409, 412, 429, 500, 503}) {
    const HttpAnswer answer{status, {{"date", date}, {"retry-after", date}}, std::string(body)};
    const Error error = s3::explain(answer, refusal, asked);
    demand(text::printable(error.message) == error.message, "an explanation is fit to be shown");
    demand(error.message.size() < 4096, "an explanation is short, whatever the server says");
    if (error.retry_after)
      demand(error.retry_after->count() >= 0 && *error.retry_after <= std::chrono::hours(1),
             "no server makes us wait for more than an hour");
  }
}

}  // namespace reelkeep::fuzz
