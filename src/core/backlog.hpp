#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "reelkeep/base/ids.hpp"
#include "reelkeep/base/time.hpp"
#include "reelkeep/port/fetcher.hpp"

namespace reelkeep::core {

/// How many transfers may run.
struct ConnectionLimits {
  std::size_t in_all = 0;
  std::size_t per_host = 0;
};

/// A transfer that is claimed, in the catalog too, and may begin.
struct ReadyTransfer {
  std::string host;
  Timestamp deadline;
  ArtifactRow artifact;
  FetchRequest request;
};

/// Who has a connection, and what is claimed ahead of free ones: where files are short a connection
/// shall not wait for the agent to commit the next claim. When a transfer ends well the next one
/// begins at once, on the thread that tells of the end; after a failure the agent decides, because
/// a credential may be refused or a disk be full. Earliest deadline first, within the limits in all
/// and of every host.
///
/// Any thread.
class Backlog {
 public:
  using Moment = std::chrono::steady_clock::time_point;
  /// As many as a few turns of the agent bring, of one host and of all.
  static constexpr std::size_t k_most_ahead = 128;

  void set_limits(ConnectionLimits limits);
  /// Waits for a connection.
  void add(ReadyTransfer transfer);
  /// All that may begin now, in order: the caller submits them.
  std::vector<FetchRequest> begin(Moment now);

  enum class Ended { well, badly };
  /// A transfer has ended (one that is not known here has no place to give back). The one that the
  /// caller submits in its place, if any.
  std::optional<FetchRequest> ended(std::uint64_t ticket, Ended how, Moment now);

  /// Takes back what did not begin. False: it did, or is unknown.
  bool take_back(std::uint64_t ticket);
  /// Nothing begins any more.
  void close();

  [[nodiscard]] bool waits(std::uint64_t ticket) const;
  [[nodiscard]] std::vector<std::uint64_t> waiting() const;
  [[nodiscard]] std::size_t size() const;
  /// How many are worth claiming ahead of free connections of this host: as many as end within a
  /// few turns of the agent. None while files take long, so that nothing is claimed before its
  /// time.
  [[nodiscard]] std::size_t worth_ahead(const std::string& host) const;

 private:
  using Order = std::tuple<Timestamp, ArtifactRow, std::uint64_t>;  ///< the last is the ticket
  struct Begun {
    std::string host;
    Moment at;
  };
  std::optional<FetchRequest> next_locked(Moment now);
  void measure_locked(const std::string& host, Moment::duration took);

  mutable std::mutex m_mutex;
  // guarded by m_mutex
  ConnectionLimits m_limits;
  std::map<Order, ReadyTransfer> m_waiting;
  std::map<std::uint64_t, Order> m_orders;  ///< of what waits, by ticket
  std::map<std::uint64_t, Begun> m_begun;   ///< by ticket
  std::map<std::string, std::size_t> m_on_host;
  std::map<std::string, Moment::duration> m_mean;  ///< of transfers that ended well, bounded
  bool m_is_closed = false;
};

}  // namespace reelkeep::core
