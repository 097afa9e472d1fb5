#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "reelkeep/base/byte_count.hpp"
#include "reelkeep/base/result.hpp"
#include "reelkeep/base/secret.hpp"
#include "reelkeep/port/clock.hpp"
#include "reelkeep/port/journal.hpp"

#include "http/server.hpp"

namespace reelkeep::http {

struct WebhookOptions {
  std::string listen;  ///< "127.0.0.1:8080"; port 0: any
  std::string path = "/webhook";
  std::vector<Credential> users = {};  ///< none: no authentication
  ByteCount max_body = 1_MiB;
  std::optional<TlsFiles> tls = std::nullopt;
  std::chrono::seconds retry_after{
      30};  ///< told to the sender when the journal names no time itself
};

/// Deliveries by what became of them.
struct WebhookCounters {
  std::uint64_t stored = 0;
  std::uint64_t duplicate = 0;
  std::uint64_t unauthorized = 0;
  std::uint64_t too_large = 0;
  std::uint64_t failed = 0;  ///< the journal could not be written
};

/// Takes the provider's deliveries: authenticates, appends the body to the journal byte for byte,
/// and answers 200 only when the journal says that it is durable. What the body means is not asked
/// here. All methods from any thread. Borrows journal and clock; the journal may call back after
/// this is gone.
class WebhookServer {
 public:
  /// Errors: as Server::start(); invalid for a path that does not begin with '/'.
  static Result<std::unique_ptr<WebhookServer>> start(WebhookOptions options,
                                                      JournalWriter& journal, const Clock& clock);
  virtual ~WebhookServer() = default;

  [[nodiscard]] virtual const Server& server() const noexcept = 0;
  /// From the next request on.
  virtual void set_users(std::vector<Credential> users) = 0;
  virtual Status reload_tls() = 0;
  /// As Server::stop(): deliveries that the journal has in hand are answered within `grace`.
  virtual void stop(Duration grace) = 0;
  [[nodiscard]] virtual WebhookCounters counters() const noexcept = 0;
};

}  // namespace reelkeep::http
