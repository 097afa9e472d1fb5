#pragma once

#include <functional>
#include <memory>
#include <string>

#include "reelkeep/base/result.hpp"

#include "http/server.hpp"

namespace reelkeep::http {

struct Readiness {
  bool ready = false;
  std::string text;  ///< what fails and why, a line each; "ok" where nothing does
};

/// All run on one thread that the admin server owns, one at a time, and may take their time.
struct AdminQuestions {
  std::function<Readiness()> readiness;
  std::function<std::string()> metrics;  ///< Prometheus text format 0.0.4
  std::function<std::string()> status;   ///< JSON: what the running process alone knows
};

/// GET /livez (the process runs), /readyz (it can do its work), /metrics, /status. Clients that ask
/// the same while an answer is being made share the next one. All methods from any thread.
class AdminServer {
 public:
  /// Errors: as Server::start().
  static Result<std::unique_ptr<AdminServer>> start(std::string listen, AdminQuestions questions);
  /// Waits for a question that is being answered.
  virtual ~AdminServer() = default;

  [[nodiscard]] virtual const Server& server() const noexcept = 0;
  virtual void stop(Duration grace) = 0;
};

}  // namespace reelkeep::http
