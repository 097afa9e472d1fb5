#include "simulate/post.hpp"

#include <algorithm>
#include <charconv>
#include <thread>

#include "json/json.hpp"

namespace reelkeep::simulate {
namespace {

constexpr std::chrono::seconds k_longest_retry_after{3600};

HttpRequest request_for(const SimulatedEvent& event, const PostOptions& options) {
  HttpRequest request;
  request.method = "POST";
  request.url = options.url;
  request.headers = {{"Content-Type", "application/json"}};
  request.body = event.body;
  request.credential = options.credential;
  request.timeout = options.timeout;
  return request;
}

std::optional<std::chrono::seconds> retry_after(const HttpAnswer& answer) {
  const auto text = answer.header("retry-after");
  if (!text) return std::nullopt;
  std::int64_t seconds = 0;
  const auto [end, code] = std::from_chars(text->data(), text->data() + text->size(), seconds);
  if (code != std::errc() || end != text->data() + text->size() || seconds < 0) return std::nullopt;
  return std::min(std::chrono::seconds(seconds), k_longest_retry_after);
}

Error refused(const HttpAnswer& answer, const PostOptions& options) {
  const std::string where = options.url.display();
  const std::string status = std::to_string(answer.status);
  if (answer.status == 401 || answer.status == 403)
    return {Errc::unauthorized, where + " refused the user name and password (" + status +
                                    "): they are [webhook] username and password"};
  if (answer.status == 404)
    return {Errc::not_found, where + " is not there (404): its path is [webhook] path"};
  return {Errc::invalid, where + " refused the event (" + status + ")"};
}

bool worth_retrying(int status) {
  return status == 408 || status == 429 || status >= 500;
}

class Poster {
 public:
  Poster(HttpClient& client, const PostOptions& options,
         const std::function<void(const PostProgress&)>& progress)
      : m_client(client), m_options(options), m_progress(progress) {}

  Status post(PostProgress step) {
    const HttpRequest request = request_for(step.event, m_options);
    for (Duration delay = m_options.retry_min;; ++step.attempt) {
      const Result<HttpAnswer> answer = m_client.send(request);
      if (answer && answer->status >= 200 && answer->status < 300) {
        if (const auto said = json::parse(answer->body))
          step.duplicate = (*said)["duplicate"].boolean().value_or(false);
        step.failure.reset();
        tell(step);
        return {};
      }
      if (answer && !worth_retrying(answer->status)) return refused(*answer, m_options);
      step.failure =
          answer ? Error{Errc::unavailable,
                         m_options.url.display() + " answers " + std::to_string(answer->status),
                         retry_after(*answer)}
                 : answer.error();
      tell(step);
      REELKEEP_TRY(wait(step.failure->retry_after.value_or(std::chrono::seconds(0)) > delay
                            ? Duration(*step.failure->retry_after)
                            : delay));
      delay = std::min(delay * 2, m_options.retry_max);
    }
  }

  Status wait(Duration duration) {
    if (m_options.wait) {
      if (m_options.wait(duration)) return {};
      return Error{Errc::cancelled, "posting was stopped"};
    }
    std::this_thread::sleep_for(duration);
    return {};
  }

 private:
  void tell(const PostProgress& step) {
    if (m_progress) m_progress(step);
  }

  HttpClient& m_client;
  const PostOptions& m_options;
  const std::function<void(const PostProgress&)>& m_progress;
};

}  // namespace

Status post_events(HttpClient& client, std::span<const SimulatedEvent> events,
                   const PostOptions& options,
                   const std::function<void(const PostProgress&)>& progress) {
  Poster poster(client, options, progress);
  for (std::size_t at = 0; at < events.size(); ++at) {
    if (at > 0 && options.delay > Duration(0)) REELKEEP_TRY(poster.wait(options.delay));
    REELKEEP_TRY(poster.post({.number = at + 1, .total = events.size(), .event = events[at]}));
  }
  return {};
}

}  // namespace reelkeep::simulate
