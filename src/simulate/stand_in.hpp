#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "reelkeep/base/digest.hpp"
#include "reelkeep/base/result.hpp"

#include "http/server.hpp"
#include "simulate/events.hpp"
#include "simulate/plan.hpp"
#include "simulate/post.hpp"

namespace reelkeep::simulate {

/// What has to be in the archive at the end of a drill.
struct ExpectedFile {
  ConfNum conf_num;
  ArtifactKind kind = ArtifactKind::recording;
  std::string stage;
  std::string name;
  std::string url;
  ByteCount size;
  Digest digest;
};

enum class Authorization { none, right, wrong };

/// One request as it came.
struct SeenRequest {
  std::string method;
  std::string path;      ///< decoded
  std::string range;     ///< header; empty: none
  std::string if_range;  ///< header; empty: none
  Authorization authorization = Authorization::none;
  int status = 0;  ///< of the answer
};

struct RequestCounts {
  std::uint64_t requests = 0;
  std::uint64_t ranges = 0;        ///< with a Range header
  std::uint64_t unauthorized = 0;  ///< without the right credential
};

/// The stand-in provider: serves the plan's files with Basic authentication, ranges and validators,
/// answers the archive and CDR API, and posts the events of its sessions. Owns an HTTP server with
/// a thread of its own; every method from any thread. Destruction ends connections at once.
class StandIn {
 public:
  /// Errors: those of StandInOptions::check() and of http::Server::start().
  static Result<std::unique_ptr<StandIn>> start(const StandInOptions& options);
  ~StandIn();
  StandIn(const StandIn&) = delete;
  StandIn& operator=(const StandIn&) = delete;

  /// What file URLs begin with: "http://127.0.0.1:PORT".
  [[nodiscard]] const std::string& base_url() const noexcept { return m_base_url; }
  /// For the REST API: "http://127.0.0.1:PORT/video/v2/".
  [[nodiscard]] std::string api_url() const;
  [[nodiscard]] const Plan& plan() const noexcept { return m_plan; }
  [[nodiscard]] std::vector<SimulatedEvent> events() const;
  /// Every file served, with its digest: computes all their bytes once.
  [[nodiscard]] std::vector<ExpectedFile> expected() const;
  /// post_events() of events().
  Status post_all(HttpClient& client, const PostOptions& options,
                  const std::function<void(const PostProgress&)>& progress) const;

  /// The newest requests in the order they came, 10,000 at most.
  [[nodiscard]] std::vector<SeenRequest> requests() const;
  /// Of one decoded path; of all paths when it is empty.
  [[nodiscard]] RequestCounts counts(std::string_view path = {}) const;

 private:
  struct Log;

  explicit StandIn(StandInOptions options);
  [[nodiscard]] http::Response answer(const http::Request& request);
  http::Response answer_files(const http::Request& request, Authorization authorization);
  http::Response answer_api(const http::Request& request);
  [[nodiscard]] std::string own_origin(const http::Request& request) const;

  const Plan m_plan;
  const std::string m_files_authorization;  ///< header value; empty: anyone may
  const std::string m_api_authorization;
  const std::string m_scheme;
  std::string m_base_url;  ///< constant once started; not for the server thread

  std::map<std::string, std::uint64_t, std::less<>> m_served;  ///< server thread only: by path
  const std::unique_ptr<Log> m_log;
  std::unique_ptr<http::Server> m_server;  ///< its thread calls answer()
};

}  // namespace reelkeep::simulate
