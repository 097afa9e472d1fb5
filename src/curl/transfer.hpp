#pragma once

#include <array>
#include <atomic>
#include <optional>
#include <string>

#include "reelkeep/port/fetcher.hpp"

#include "curl/answer_head.hpp"
#include "curl/handle.hpp"
#include "curl/intake.hpp"
#include "curl/judgement.hpp"
#include "curl/paired_hashing.hpp"
#include "curl/rate_bucket.hpp"
#include "curl/stall_watch.hpp"
#include "curl/transport.hpp"
#include "curl/writer_pool.hpp"

namespace reelkeep::curl {

/// What all transfers of a loop share. Borrowed.
struct Plant {
  BufferPool& buffers;
  WriterPool& writers;
  PairedHashing& hashing;
  RateBucket& rate;
  std::atomic<std::uint64_t>& received_bytes;
  /// Set when a transfer waits for a buffer: the next one given back wakes the loop.
  std::atomic<bool>& is_starved;
  /// Buffers that one transfer may have under way; changes with how many run.
  const std::size_t& share;
};

/// Where a submit's bytes come from.
struct Source {
  Url url;
  std::optional<Credential> credential;
  HostRules rules;
};

/// First byte and end, in a file.
struct Range {
  ByteCount first;
  ByteCount end;
  [[nodiscard]] ByteCount length() const { return end - first; }
};

/// One connection's work for a submit: asks, judges, follows redirects, passes body bytes on. All
/// on the loop's thread: start/conclude until there is an Ending. It asks for all of the file, or
/// for what a resume point leaves, or for a range.
class Transfer {
 public:
  /// `source` and `intake` are borrowed.
  Transfer(const Source& source, Intake& intake, Plant plant);
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  /// All of the file, plainly, and once only.
  void ask_from_zero();
  /// What `resume` leaves.
  void ask_rest(ResumePoint resume);
  /// Exactly this range of exactly this version.
  void ask_range(Range range, const std::string& validator, ByteCount length);
  /// Sets `easy` up for the next request; the caller runs it.
  void start(Easy easy, const FetchLimits& limits);
  /// The request is over. Nothing: start the next one.
  std::optional<Ending> conclude(CURLcode code);
  /// The request is broken off for this reason; a verdict that was already reached stands.
  Ending break_off(Error reason);
  /// Hands over what was received.
  void hand_over();
  /// Gives back what was received and not yet handed over.
  void discard();

  /// Bytes from `end` on are another's.
  void cut(ByteCount end) { m_end = end; }
  /// The next byte to come, and the first one that is not wanted.
  [[nodiscard]] ByteCount at() const noexcept { return m_at; }
  [[nodiscard]] Range left() const noexcept { return {m_at, m_end.value_or(m_at)}; }
  /// It was asked for a range and another version came, or something that is no such range.
  [[nodiscard]] bool disagrees() const noexcept;
  /// Its body is on its way into the file: what the answer said.
  [[nodiscard]] const Judgement* answer() const noexcept;
  /// Bytes per second of this body so far.
  [[nodiscard]] std::uint64_t rate(MonotonicTime now) const;
  [[nodiscard]] Duration age(MonotonicTime now) const;
  /// Bytes per second of the last time span as long as `look` in which bytes were wanted; nothing
  /// while it lasts.
  [[nodiscard]] std::optional<std::uint64_t> pace(Duration look);
  [[nodiscard]] ByteCount from_network() const noexcept { return m_from_network; }
  [[nodiscard]] bool pair_accepted() const noexcept { return m_pair_accepted; }
  [[nodiscard]] Ending ending(Status status) const;

  [[nodiscard]] Easy take_easy() noexcept { return std::move(m_easy); }
  [[nodiscard]] CURL* easy() const noexcept { return m_easy.get(); }
  [[nodiscard]] std::uint64_t ticket() const noexcept { return m_intake.ticket(); }

  enum class Scarcity { yes, no };
  /// Regular care: true means that the server has stalled. With scarcity buffers are handed over
  /// although they are not full: others wait for one.
  [[nodiscard]] bool turn(MonotonicTime now, Scarcity buffers);
  /// Pauses before a read that would find no room, and goes on after a pause where that is
  /// possible; a failure of libcurl, else CURLE_OK.
  CURLcode steer(MonotonicTime now);
  [[nodiscard]] bool waits_for_rate() const noexcept { return m_pause == Pause::rate; }
  /// Time until turn() is due.
  [[nodiscard]] Duration next_turn(MonotonicTime now) const;
  [[nodiscard]] Error stall_error() const;

 private:
  enum class Pause { none, buffers, rate };

  static std::size_t on_header(char* line, std::size_t size, std::size_t count,
                               void* self) noexcept;
  static std::size_t on_body(char* bytes, std::size_t size, std::size_t count, void* self) noexcept;
  static curl_socket_t on_open(void* self, curlsocktype purpose, curl_sockaddr* address) noexcept;
  static int on_connected(void* self, char* peer_ip, char* local_ip, int peer_port,
                          int local_port) noexcept;

  bool head_line(std::string_view line);
  std::size_t body(std::span<const std::byte> bytes);
  bool make_room(std::size_t bytes);
  [[nodiscard]] bool has_room();
  Buffer take_buffer();
  void store(std::span<const std::byte> bytes);
  void collect(std::span<const std::byte> bytes);
  void pause(Pause why);
  void judged();
  void note_failed_write();
  bool refuses(bool is_private, const std::string& address);
  void forget_request();
  void set_range();
  [[nodiscard]] std::size_t most_read() const noexcept;
  std::size_t most_queued() const noexcept;
  void account(MonotonicTime now);
  std::optional<Ending> follow(const std::string& location);
  [[nodiscard]] bool keeps_body() const noexcept;
  [[nodiscard]] bool has_all() const noexcept { return m_end && m_at >= *m_end; }

  // Constant after construction.
  const Source& m_source;
  const Plant m_plant;
  Intake& m_intake;  ///< the writers' side

  // The loop's thread only.
  std::optional<ResumePoint> m_resume;
  std::optional<Range> m_range;  ///< to be asked for instead
  std::optional<ByteCount> m_end;
  bool m_asked_again = false;
  int m_redirects = 0;
  bool m_pair_accepted = false;
  ByteCount m_from_network;

  // One request.
  Url m_url;
  Easy m_easy;
  HeaderList m_lines;
  std::array<char, CURL_ERROR_SIZE> m_error_buffer{};
  Transport m_transport;
  Duration m_stall_timeout{0};
  Asked m_asked;
  AnswerHead m_head;
  std::optional<Judgement> m_judgement;
  std::optional<Error> m_failure;     ///< found in a callback
  std::optional<StallWatch> m_watch;  ///< since the connection stands
  std::uint64_t m_skip = 0;           ///< bytes of the body that the file has already
  std::uint64_t m_discarded = 0;
  ByteCount m_body;  ///< bytes of this body
  ByteCount m_at;    ///< where in the file the next one belongs
  MonotonicTime m_started{};
  MonotonicTime m_body_since{};
  std::uint64_t m_paced_bytes = 0;
  Duration m_paced{0};  ///< in which bytes were wanted
  MonotonicTime m_accounted_until{};
  Buffer m_buffer;
  ByteCount m_buffer_at;
  MonotonicTime m_filled_since{};  ///< first byte in m_buffer
  Pause m_pause = Pause::none;
};

}  // namespace reelkeep::curl
