#include "http/codec.hpp"

#include <httplib.h>

#include "reelkeep/base/text.hpp"

namespace reelkeep::http {
namespace {

/// The server's own business; a handler that sets them would contradict the framing.
bool is_framing_header(std::string_view name) {
  for (const std::string_view framing :
       {"connection", "content-length", "keep-alive", "transfer-encoding"})
    if (text::equals_ignoring_case(name, framing)) return true;
  return false;
}

}  // namespace

/// process_request() is protected: this gives it memory for a socket, and takes over before
/// routing.
/// Its constructor makes the process ignore SIGPIPE; nothing here depends on that.
class Codec::Engine final : private httplib::Server {
 public:
  explicit Engine(Duration keep_alive) {
    set_keep_alive_timeout(std::chrono::duration_cast<std::chrono::seconds>(keep_alive).count());
    set_keep_alive_max_count(1'000'000);
    set_pre_routing_handler([this](const httplib::Request& request, httplib::Response& response) {
      m_path = request.path;
      if (m_fill) m_fill(response);
      return HandlerResponse::Handled;
    });
  }

  std::optional<int> path_of(std::string_view target, std::string& path) {
    std::optional<int> refused = 400;
    m_fill = [&](httplib::Response& response) {
      response.status = 200;
      refused.reset();
    };
    const auto answer = run(target, false);
    if (refused && answer.starts_with("HTTP/1.1 414")) refused = 414;
    path = std::move(m_path);
    return refused;
  }

  std::string answer_head(const Response& from, std::uint64_t content_length, bool close) {
    m_fill = [&](httplib::Response& response) {
      response.status = from.status;
      for (const auto& [name, value] : from.headers)
        if (!is_framing_header(name)) response.headers.emplace(name, one_line(value));
      response.headers.emplace("Content-Length", std::to_string(content_length));
      if (!close)
        response.headers.emplace("Connection", "keep-alive");  // HTTP/1.0 needs to be told
    };
    return run("/", close);
  }

 private:
  /// A value must not end its line: what follows would be a header of its own.
  static std::string one_line(std::string value) {
    std::erase_if(value, [](char c) { return c == '\r' || c == '\n' || c == '\0'; });
    return value;
  }

  /// What httplib answers to a GET of `target`.
  std::string run(std::string_view target, bool close) {
    std::string head("GET ");
    head.append(target).append(" HTTP/1.1\r\n\r\n");
    httplib::detail::BufferStream memory;
    memory.write(head.data(), head.size());
    bool closed = false;
    process_request(memory, close, closed, nullptr);
    m_fill = nullptr;
    return memory.get_buffer().substr(head.size());
  }

  std::string m_path;
  std::function<void(httplib::Response&)> m_fill;
};

Codec::Codec(Duration keep_alive) : m_engine(std::make_unique<Engine>(keep_alive)) {}
Codec::~Codec() = default;

std::optional<int> Codec::read_target(std::string_view target, Request& request) {
  const auto mark = target.find('?');
  request.target = target;
  request.query = mark == std::string_view::npos ? "" : target.substr(mark + 1);
  const auto encoded = target.substr(0, mark);
  if (encoded != m_encoded_path || m_encoded_path.empty()) {
    m_encoded_path.clear();
    if (const auto status = m_engine->path_of(encoded, m_path)) return status;
    m_encoded_path = encoded;
  }
  request.path = m_path;
  return std::nullopt;
}

std::string Codec::answer_head(const Response& response, std::uint64_t content_length,
                               KeepAlive keep_alive) {
  HeadOf of{response.status, response.headers, content_length, keep_alive};
  if (m_head.empty() || of != m_head_of) {
    m_head = m_engine->answer_head(response, content_length, keep_alive == KeepAlive::no);
    m_head_of = std::move(of);
  }
  return m_head;
}

}  // namespace reelkeep::http
