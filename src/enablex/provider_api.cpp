#include "enablex/provider_api.hpp"

#include <algorithm>
#include <charconv>

#include "reelkeep/base/text.hpp"

#include "enablex/api_answer.hpp"
#include "json/json.hpp"

namespace reelkeep::enablex {
namespace {

constexpr ByteCount k_longest_answer = 32_MiB;
constexpr Duration k_patience{60'000};  ///< a listing of a day is made while we wait

std::string day(std::chrono::sys_days days) {
  return to_rfc3339(Timestamp(days)).substr(0, 10);
}

std::optional<std::chrono::seconds> retry_after(const HttpAnswer& answer) {
  const auto text = answer.header("retry-after");
  long seconds = 0;
  if (!text) return std::nullopt;
  const auto [end, code] = std::from_chars(text->data(), text->data() + text->size(), seconds);
  if (code != std::errc() || end != text->data() + text->size() || seconds < 0) return std::nullopt;
  return std::min(std::chrono::seconds(seconds), std::chrono::seconds(3600));
}

Errc code_of(int status) {
  if (status == 401 || status == 403) return Errc::unauthorized;
  if (status == 404 || status == 410) return Errc::not_found;
  return Errc::unavailable;
}

/// What another status than 200 means, in the provider's words where it has some.
Error refusal(const HttpAnswer& answer, const ApiAccess& access) {
  std::string message = "answers with status " + std::to_string(answer.status);
  if (const auto body = json::parse(answer.body))
    if (const std::string words = provider_words(*body, access.credential); !words.empty())
      message += ": " + words;
  const Errc code = code_of(answer.status);
  if (code == Errc::unauthorized)
    message += "; check api_id and api_key of the [[project]] block";
  else if (answer.status >= 300 && answer.status < 400)
    message += "; redirects are not followed: write the address it leads to as api_url";
  else if (code == Errc::not_found)
    message += "; is api_url right?";
  return Error{code, std::move(message), retry_after(answer)};
}

class Api final : public ProviderApi {
 public:
  explicit Api(HttpClient& http) : m_http(http) {}

  Result<std::vector<std::string>> archive(const ApiAccess& access, const ArchiveQuery& query,
                                           const std::atomic<bool>* cancelled) override {
    const std::string route = archive_route(query);
    REELKEEP_ASSIGN(Url url, Url::parse(access.url.without_user_info() + route));
    const auto answer = m_http.send(HttpRequest{.url = url,
                                                .headers = {{"Accept", "application/json"}},
                                                .credential = access.credential,
                                                .max_answer = k_longest_answer,
                                                .timeout = k_patience,
                                                .cancelled = cancelled});
    if (!answer) return answer.error().within("archive API");
    auto items = read_listing(*answer, access);
    if (!items) return items.error().within("archive API at " + url.authority());
    return items;
  }

 private:
  HttpClient& m_http;
};

}  // namespace

std::string archive_route(const ArchiveQuery& query) {
  if (query.conf_num) return "archive/conf/" + text::percent_encode(query.conf_num->get());
  const std::string days = query.days ? day(query.days->from) + "/" + day(query.days->to) : "";
  if (!query.room_id) return "archive/period/" + days;
  const std::string room = text::percent_encode(query.room_id->get());
  return days.empty() ? "archive/room/" + room : "archive/room-period/" + room + "/" + days;
}

Result<std::vector<std::string>> read_listing(const HttpAnswer& answer, const ApiAccess& access) {
  if (answer.status != 200) return refusal(answer, access);
  if (text::trim(answer.body).empty()) return std::vector<std::string>();
  const auto split = json::split_items(answer.body, "archive");
  if (!split) return Error{Errc::corrupt, "the answer is " + split.error().message};
  REELKEEP_TRY(check_result(split->rest, access.credential));
  return std::vector<std::string>(split->items.begin(), split->items.end());
}

std::unique_ptr<ProviderApi> make_provider_api(HttpClient& http) {
  return std::make_unique<Api>(http);
}

}  // namespace reelkeep::enablex
