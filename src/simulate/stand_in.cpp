#include "simulate/stand_in.hpp"

#include <chrono>
#include <deque>

#include "reelkeep/base/text.hpp"

#include "crypto/secure.hpp"
#include "simulate/answer.hpp"
#include "simulate/api.hpp"

namespace reelkeep::simulate {
namespace {

constexpr std::size_t k_kept_requests = 10'000;

std::string basic(const Credential& credential) {
  if (credential.username.empty()) return {};
  return "Basic " + text::to_base64(credential.username + ":" + credential.password.reveal());
}

Authorization judge(const http::Request& request, const std::string& expected) {
  const std::string* sent = request.header("authorization");
  if (expected.empty()) return Authorization::right;
  if (sent == nullptr) return Authorization::none;
  return constant_time_equal(*sent, expected) ? Authorization::right : Authorization::wrong;
}

std::string header_or_empty(const http::Request& request, std::string_view name) {
  const std::string* value = request.header(name);
  return value == nullptr ? std::string() : *value;
}

http::Response json_response(int status, std::string body) {
  return {
      .status = status, .headers = {{"Content-Type", "application/json"}}, .body = std::move(body)};
}

}  // namespace

struct StandIn::Log {
  void add(SeenRequest request, bool refused) {
    const std::lock_guard lock(mutex);
    for (RequestCounts* counts : {&total, &by_path[request.path]}) {
      ++counts->requests;
      counts->ranges += request.range.empty() ? 0 : 1;
      counts->unauthorized += refused ? 1 : 0;
    }
    newest.push_back(std::move(request));
    if (newest.size() > k_kept_requests) newest.pop_front();
  }

  mutable std::mutex mutex;
  std::deque<SeenRequest> newest;                             // guarded by mutex
  std::map<std::string, RequestCounts, std::less<>> by_path;  // guarded by mutex
  RequestCounts total;                                        // guarded by mutex
};

Result<std::unique_ptr<StandIn>> StandIn::start(const StandInOptions& options) {
  REELKEEP_TRY(options.check());
  http::ServerOptions server;
  server.listen = options.listen;
  server.tls = options.tls;
  std::unique_ptr<StandIn> stand_in(new StandIn(options));
  http::Handler handler;
  handler.on_request = [self = stand_in.get()](const http::Request& request,
                                               const http::Responder& responder) {
    responder.respond(self->answer(request));
  };
  REELKEEP_ASSIGN(stand_in->m_server, http::Server::start(server, std::move(handler)));
  const std::string& wanted = stand_in->m_plan.options().public_url;
  stand_in->m_base_url = wanted.empty() ? stand_in->m_server->origin() : wanted;
  return stand_in;
}

StandIn::StandIn(StandInOptions options)
    : m_plan(std::move(options),
             std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now())),
      m_files_authorization(basic(m_plan.options().files)),
      m_api_authorization(basic({m_plan.options().app_id, m_plan.options().app_key})),
      m_scheme(m_plan.options().tls ? "https" : "http"),
      m_log(std::make_unique<Log>()) {}

StandIn::~StandIn() = default;

std::string StandIn::api_url() const {
  return m_base_url + std::string(k_api_prefix);
}

std::vector<SimulatedEvent> StandIn::events() const {
  return make_events(m_plan, m_base_url);
}

std::vector<ExpectedFile> StandIn::expected() const {
  std::vector<ExpectedFile> files;
  for (const SimulatedSession& session : m_plan.sessions())
    for (const SimulatedFile& file : session.files)
      files.push_back({session.conf_num, file.kind, file.stage, file.name,
                       file_url(m_base_url, file), file.size, file.digest()});
  return files;
}

Status StandIn::post_all(HttpClient& client, const PostOptions& options,
                         const std::function<void(const PostProgress&)>& progress) const {
  return post_events(client, events(), options, progress);
}

std::vector<SeenRequest> StandIn::requests() const {
  const std::lock_guard lock(m_log->mutex);
  return {m_log->newest.begin(), m_log->newest.end()};
}

RequestCounts StandIn::counts(std::string_view path) const {
  const std::lock_guard lock(m_log->mutex);
  if (path.empty()) return m_log->total;
  const auto found = m_log->by_path.find(path);
  return found == m_log->by_path.end() ? RequestCounts() : found->second;
}

http::Response StandIn::answer(const http::Request& request) {
  const bool api = request.path.starts_with(k_api_prefix);
  const Authorization authorization =
      judge(request, api ? m_api_authorization : m_files_authorization);
  http::Response response;
  if (request.method != "GET") {
    response = http::text_response(405, "only GET is offered");
    response.headers.emplace_back("Allow", "GET");
  } else if (!api) {
    response = answer_files(request, authorization);
  } else if (authorization == Authorization::right) {
    response = answer_api(request);
  } else {
    response = json_response(401, api_error(1001, "unauthorized", "APP_ID or APP_KEY is wrong"));
  }
  m_log->add({request.method, request.path, header_or_empty(request, "range"),
              header_or_empty(request, "if-range"), authorization, response.status},
             authorization != Authorization::right);
  return response;
}

http::Response StandIn::answer_files(const http::Request& request, Authorization authorization) {
  const bool redirected = request.query == k_signed_query;
  // As storage behind a signed URL does: two kinds of authorization at once are refused.
  if (redirected && request.header("authorization") != nullptr)
    return http::text_response(400, "only one kind of authorization is allowed");
  // The real one answers 403 and not 401, so that a client gets no challenge.
  if (!redirected && authorization != Authorization::right)
    return http::text_response(403, "forbidden");
  const SimulatedFile* file = m_plan.find(request.path);
  if (file == nullptr) return http::text_response(404, "no such file");
  // What a redirect leads to has its own count: "the first two requests" means those of one URL.
  std::uint64_t& served = m_served[request.path + (redirected ? "?" : "")];
  http::Response response = answer_file(
      *file, m_plan.sessions().back().ended_at,
      {.request = request, .earlier = served, .redirected = redirected, .scheme = m_scheme});
  ++served;
  return response;
}

http::Response StandIn::answer_api(const http::Request& request) {
  const std::string_view route = std::string_view(request.path).substr(k_api_prefix.size());
  if (auto body = api_answer(m_plan, route, own_origin(request), m_served[request.path]++))
    return json_response(200, *std::move(body));
  return json_response(404, api_error(1404, "not found", "no such route"));
}

std::string StandIn::own_origin(const http::Request& request) const {
  if (!m_plan.options().public_url.empty()) return m_plan.options().public_url;
  return m_scheme + "://" + header_or_empty(request, "host");
}

}  // namespace reelkeep::simulate
