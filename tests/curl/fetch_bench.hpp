#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "curl/fetcher.hpp"
#include "support/memory_staging.hpp"
#include "support/scripted_server.hpp"

namespace reelkeep::testing {

/// A FetchSink that keeps what it is told.
class RecordingSink final : public FetchSink {
 public:
  void checkpointed(Checkpoint checkpoint) override;
  void fetched(Fetched fetched) override;

  /// The completion of a submit; one that does not come within a minute throws.
  Fetched wait(std::uint64_t ticket);
  [[nodiscard]] std::vector<Checkpoint> checkpoints() const;
  /// Completions so far, of all submits or of one.
  [[nodiscard]] std::size_t completions() const;
  [[nodiscard]] std::size_t completions(std::uint64_t ticket) const;
  /// What was still in memory of a body when its completion came.
  [[nodiscard]] std::string in_memory(std::uint64_t ticket) const;

 private:
  mutable std::mutex m_mutex;
  std::condition_variable m_arrived;
  std::map<std::uint64_t, Fetched> m_fetched;          // guarded by m_mutex
  std::map<std::uint64_t, std::size_t> m_completions;  // guarded by m_mutex
  std::map<std::uint64_t, std::string> m_in_memory;    // guarded by m_mutex
  std::vector<Checkpoint> m_checkpoints;               // guarded by m_mutex
};

/// A fetcher between a scripted server and memory, with rules that allow just that server.
struct FetchBench {
  ScriptedServer server;
  RecordingSink sink;
  FetchLimits limits;
  curl::FetcherOptions options;
  std::unique_ptr<Fetcher> fetcher;  ///< made at the first use
  std::uint64_t last_ticket = 0;

  FetchBench();
  Fetcher& the_fetcher();
  /// Plain http, private addresses and the server's host allowed; the pair "user:p@ss:word".
  [[nodiscard]] FetchRequest request(const std::string& target, std::string content = {},
                                     std::optional<ResumePoint> resume = std::nullopt,
                                     MemoryFileHooks hooks = {});
  std::uint64_t submit(FetchRequest request);
  Fetched fetch(FetchRequest request);
  Fetched fetch(const std::string& target) { return fetch(request(target)); }
};

/// The bytes that reached the file of a completion.
const std::string& bytes_of(const Fetched& fetched);
/// Where two contents part, in words short enough for a test's complaint; "" where they are the
/// same.
std::string difference(std::string_view got, std::string_view wanted);
const MemoryFile& file_of(const Fetched& fetched);
/// `size` bytes in which no two blocks are alike.
std::string pattern(std::size_t size);
/// What "Authorization" carries for the pair of the bench.
std::string pair_header();

}  // namespace reelkeep::testing
