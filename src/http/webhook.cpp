#include "http/webhook.hpp"

#include <atomic>
#include <mutex>
#include <utility>

#include "reelkeep/base/log.hpp"

#include "http/basic_auth.hpp"

namespace reelkeep::http {
namespace {

/// What the journal's callbacks need; shared with them because they may come after the server's
/// end.
class Ledger {
 public:
  explicit Ledger(std::chrono::seconds retry_after) : m_retry_after(retry_after) {}

  void unauthorized() noexcept { ++m_unauthorized; }

  Response settle(const Result<Appended>& appended) {
    if (!appended) return refuse(appended.error());
    if (m_outage.exchange(false))
      log::info("the journal can be written again: deliveries are accepted");
    ++(appended->duplicate ? m_duplicate : m_stored);
    Response response;
    response.headers = {{"Content-Type", "application/json"}};
    response.body = "{\"delivery\": " + std::to_string(appended->seq.get()) +
                    ", \"duplicate\": " + (appended->duplicate ? "true" : "false") + "}\n";
    return response;
  }

  [[nodiscard]] WebhookCounters counters() const noexcept {
    return {.stored = m_stored,
            .duplicate = m_duplicate,
            .unauthorized = m_unauthorized,
            .failed = m_failed};
  }

 private:
  Response refuse(const Error& error) {
    ++m_failed;
    // Once per outage: the sender comes again and again.
    if (error.code != Errc::cancelled && !m_outage.exchange(true))
      log::error(
          "the journal cannot be written: deliveries are answered 503, the sender keeps them",
          {{"code", std::string(to_string(error.code))}, {"error", error.message}});
    auto response =
        text_response(503, "the delivery could not be stored; keep it and send it again");
    const auto wait = error.retry_after.value_or(m_retry_after);
    response.headers.emplace_back("Retry-After", std::to_string(wait.count()));
    return response;
  }

  const std::chrono::seconds m_retry_after;
  std::atomic<std::uint64_t> m_stored{0}, m_duplicate{0}, m_unauthorized{0}, m_failed{0};
  std::atomic<bool> m_outage{false};
};

class Intake final : public WebhookServer {
 public:
  Intake(WebhookOptions options, JournalWriter& journal, const Clock& clock)
      : m_options(std::move(options)),
        m_journal(journal),
        m_clock(clock),
        m_ledger(std::make_shared<Ledger>(m_options.retry_after)),
        m_auth(std::make_shared<const BasicAuth>(m_options.users)) {}

  Status begin() {
    ServerOptions options;
    options.listen = m_options.listen;
    options.max_body = m_options.max_body;
    options.tls = m_options.tls;
    options.thread_name = "webhook";
    Handler handler;
    handler.on_head = [this](const Request& request) { return check(request); };
    handler.on_request = [this](Request request, Responder responder) {
      append(std::move(request), std::move(responder));
    };
    REELKEEP_ASSIGN(m_server, Server::start(options, std::move(handler)));
    return {};
  }

  const Server& server() const noexcept override { return *m_server; }
  Status reload_tls() override { return m_server->reload_tls(); }
  void stop(Duration grace) override { m_server->stop(grace); }

  void set_users(std::vector<Credential> users) override {
    auto auth = std::make_shared<const BasicAuth>(users);
    std::lock_guard lock(m_auth_mutex);
    m_auth.swap(auth);
  }

  WebhookCounters counters() const noexcept override {
    auto counters = m_ledger->counters();
    counters.too_large = m_server->counters().too_large;
    return counters;
  }

 private:
  std::shared_ptr<const BasicAuth> auth() const {
    std::lock_guard lock(m_auth_mutex);
    return m_auth;
  }

  /// The user's name, empty without authentication; nothing: refused.
  std::optional<std::string> authenticate(const Request& request) const {
    const auto users = auth();
    if (users->open_to_all()) return std::string();
    const auto* authorization = request.header("authorization");
    return authorization == nullptr ? std::nullopt : users->check(*authorization);
  }

  std::optional<Response> check(const Request& request) const {
    if (request.path != m_options.path) return text_response(404, "nothing is here");
    if (request.method != "POST") {
      auto response = text_response(405, "deliveries are posted");
      response.headers.emplace_back("Allow", "POST");
      return response;
    }
    if (authenticate(request)) return std::nullopt;
    return unauthorized();
  }

  Response unauthorized() const {
    m_ledger->unauthorized();
    auto response = text_response(401, "user name or password missing or wrong");
    response.headers.emplace_back("WWW-Authenticate", "Basic realm=\"reelkeep\"");
    return response;
  }

  void append(Request request, Responder responder) {
    auto user = authenticate(request);
    if (!user) return responder.respond(unauthorized());  // the pair rotated while the body came
    const auto* content_type = request.header("content-type");
    m_journal.append(
        {.kind = EntryKind::delivery,
         .received_at = m_clock.now(),
         .body = std::move(request.body),
         .remote = std::move(request.remote),
         .user = std::move(*user),
         .content_type = content_type == nullptr ? std::string() : *content_type},
        [ledger = m_ledger, responder = std::move(responder)](const Result<Appended>& appended) {
          responder.respond(ledger->settle(appended));
        });
  }

  // constant after construction
  const WebhookOptions m_options;
  JournalWriter& m_journal;
  const Clock& m_clock;
  const std::shared_ptr<Ledger> m_ledger;

  mutable std::mutex m_auth_mutex;
  std::shared_ptr<const BasicAuth> m_auth;  // guarded by m_auth_mutex; replaced while in use

  std::unique_ptr<Server> m_server;  // its thread uses all above
};

}  // namespace

Result<std::unique_ptr<WebhookServer>> WebhookServer::start(WebhookOptions options,
                                                            JournalWriter& journal,
                                                            const Clock& clock) {
  if (!options.path.starts_with('/'))
    return Error{Errc::invalid, "webhook path \"" + options.path + "\": expected to begin with /"};
  auto intake = std::make_unique<Intake>(std::move(options), journal, clock);
  REELKEEP_TRY(intake->begin());
  return std::unique_ptr<WebhookServer>(std::move(intake));
}

}  // namespace reelkeep::http
