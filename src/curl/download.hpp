#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "curl/fetcher.hpp"
#include "curl/range_plan.hpp"
#include "curl/transfer.hpp"

namespace reelkeep::curl {

/// What a loop does for its downloads.
class Connections {
 public:
  virtual ~Connections() = default;
  virtual Status start(Transfer& transfer) = 0;
  virtual void take_off(Transfer& transfer) = 0;
};

/// One submit on its loop's thread: its file's Intake and the connections that bring it, a single
/// one at first. When that one is slower than the machine, the server has proven that it sends
/// parts of one version, and the grant allows it, others fetch later ranges meanwhile; each is
/// judged like a resume. One that fails leaves its rest to the others. One that brings another
/// version ends all of that: the file is asked for once more, plainly, from its first byte.
class Download {
 public:
  Download(FetchRequest request, FetchSink& sink, IntakeEvents& events, Plant plant,
           Connections& connections, const RangeTuning& tuning);
  Download(const Download&) = delete;
  Download& operator=(const Download&) = delete;

  void begin();
  void prepared(const Result<ByteCount>& size);
  void spread(const Status& possible, MonotonicTime now);
  void grant(std::size_t connections, MonotonicTime now);
  void cancel();
  void concluded(Transfer& line, CURLcode code, MonotonicTime now);
  /// Ends all; a verdict that was already reached stands.
  void break_off(const Error& reason);
  /// Regular care of all connections; returns when it is due again.
  Duration care(MonotonicTime now, Transfer::Scarcity buffers);

  [[nodiscard]] const Intake& intake() const noexcept { return m_intake; }
  /// Its loop is going to write, and to owe a hash.
  [[nodiscard]] bool brings_short_body() const noexcept {
    return m_intake.is_by_loop && !m_is_finishing;
  }
  [[nodiscard]] std::size_t connections() const noexcept { return m_lines.size(); }

 private:
  enum class Spreading { no, asked, yes, never };

  void launch(Transfer& line, MonotonicTime now);
  void over(Transfer& line, Ending ending, MonotonicTime now);
  void failed(Transfer& line, Ending ending, MonotonicTime now);
  void start_over(Transfer& line, MonotonicTime now);
  void close(Transfer& line);
  void retire(Transfer& line);
  void finish(Ending ending);
  void grow(MonotonicTime now);
  bool is_worth_it(Transfer& line);
  std::optional<Range> next_range(const Transfer* taker, MonotonicTime now);
  std::optional<Range> take_over(const Transfer* taker, std::uint64_t rate, MonotonicTime now);
  [[nodiscard]] ByteCount stretch(std::uint64_t rate) const;
  [[nodiscard]] std::uint64_t best_rate(MonotonicTime now) const;
  [[nodiscard]] ByteCount lowest() const;
  [[nodiscard]] std::size_t allowed() const;
  [[nodiscard]] bool has(const Transfer* line) const;
  void counted();

  const Source m_source;
  const Plant m_plant;
  const RangeTuning m_tuning;
  Connections& m_connections;
  Intake m_intake;

  std::optional<ResumePoint> m_resume;
  std::vector<std::unique_ptr<Transfer>> m_lines;  ///< at least one, until the last has ended
  std::size_t m_granted;
  std::size_t m_bearable;  ///< by the server: fewer after each one that failed
  std::size_t m_most_lines = 1;
  std::size_t m_failures = 0;  ///< of lines, once there were several
  bool m_is_prepared = false;
  bool m_is_finishing = false;

  Spreading m_spreading = Spreading::no;
  RangePlan m_plan;
  std::string m_validator;         ///< of what is spread
  ByteCount m_length;              ///< of what is spread
  std::optional<Ending> m_answer;  ///< what the first connection would have ended with
  ByteCount m_from_network;        ///< of connections that are gone
  bool m_pair_accepted = false;    ///< by one that is gone
};

}  // namespace reelkeep::curl
