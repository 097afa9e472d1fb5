#include "http/admin.hpp"

#include <optional>
#include <thread>
#include <utility>

#include "reelkeep/base/mailbox.hpp"
#include "reelkeep/base/thread_name.hpp"

namespace reelkeep::http {
namespace {

enum class Question { readiness, metrics, status };

struct Asked {
  Question question;
  Responder responder;
};

Response readiness_response(const Readiness& readiness) {
  return text_response(readiness.ready ? 200 : 503, readiness.text);
}

Response metrics_response(std::string text) {
  Response response;
  response.headers = {{"Content-Type", "text/plain; version=0.0.4; charset=utf-8"}};
  response.body = std::move(text);
  return response;
}

Response status_response(std::string json) {
  Response response;
  response.headers = {{"Content-Type", "application/json"}};
  response.body = std::move(json);
  return response;
}

std::optional<Question> question_at(std::string_view path) {
  if (path == "/readyz") return Question::readiness;
  if (path == "/metrics") return Question::metrics;
  if (path == "/status") return Question::status;
  return std::nullopt;
}

std::optional<Response> refuse(const Request& request) {
  if (request.path != "/livez" && !question_at(request.path))
    return text_response(404, "here are /livez, /readyz, /metrics and /status");
  if (request.method == "GET" || request.method == "HEAD") return std::nullopt;
  auto response = text_response(405, "this can only be read");
  response.headers.emplace_back("Allow", "GET, HEAD");
  return response;
}

class Desk final : public AdminServer {
 public:
  explicit Desk(AdminQuestions questions) : m_questions(std::move(questions)) {}
  ~Desk() override {
    if (m_server) m_server->stop(Duration(0));
    m_asked.close();
    if (m_worker.joinable()) m_worker.join();
  }

  Status begin(std::string listen) {
    ServerOptions options;
    options.listen = std::move(listen);
    options.max_body = 64_KiB;
    options.thread_name = "admin";
    Handler handler;
    handler.on_head = refuse;
    handler.on_request = [this](const Request& request, Responder responder) {
      if (const auto question = question_at(request.path))
        m_asked.post({*question, std::move(responder)});
      else
        responder.respond(text_response(200, "ok"));
    };
    REELKEEP_ASSIGN(m_server, Server::start(options, std::move(handler)));
    m_worker = std::thread([this] {
      name_this_thread("admin-answers");
      answer_all();
    });
    return {};
  }

  const Server& server() const noexcept override { return *m_server; }
  void stop(Duration grace) override { m_server->stop(grace); }

 private:
  void answer_all() {
    for (auto asked = m_asked.take_all(); !asked.empty(); asked = m_asked.take_all()) {
      std::optional<Response> readiness;
      std::optional<Response> metrics;
      std::optional<Response> status;
      for (const auto& [question, responder] : asked) {
        switch (question) {
          case Question::readiness:
            if (!readiness) readiness = readiness_response(m_questions.readiness());
            responder.respond(*readiness);
            break;
          case Question::metrics:
            if (!metrics) metrics = metrics_response(m_questions.metrics());
            responder.respond(*metrics);
            break;
          case Question::status:
            if (!status) status = status_response(m_questions.status());
            responder.respond(*status);
            break;
        }
      }
    }
  }

  const AdminQuestions m_questions;
  Mailbox<Asked> m_asked;
  std::unique_ptr<Server> m_server;  // its thread posts to m_asked
  std::thread m_worker;
};

}  // namespace

Result<std::unique_ptr<AdminServer>> AdminServer::start(std::string listen,
                                                        AdminQuestions questions) {
  auto desk = std::make_unique<Desk>(std::move(questions));
  REELKEEP_TRY(desk->begin(std::move(listen)));
  return std::unique_ptr<AdminServer>(std::move(desk));
}

}  // namespace reelkeep::http
