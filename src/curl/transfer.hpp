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
#include "curl/rate_bucket.hpp"
#include "curl/stall_watch.hpp"
#include "curl/transport.hpp"
#include "curl/writer_pool.hpp"

namespace reelkeep::curl {

/// What all transfers of a loop share. Borrowed.
struct Plant {
  BufferPool& buffers;
  WriterPool& writers;
  RateBucket& rate;
  std::atomic<std::uint64_t>& received_bytes;
  /// Set when a transfer waits for a buffer: the next one given back wakes the loop.
  std::atomic<bool>& is_starved;
  /// Buffers that one transfer may have under way; changes with how many run.
  const std::size_t& share;
};

/// The loop's side of one submit: asks, judges, follows redirects, passes body bytes on. All on the
/// loop's thread. The order is admit, prepared, then start/conclude until there is an Ending.
class Transfer {
 public:
  Transfer(FetchRequest request, FetchSink& sink, IntakeEvents& events, Plant plant);
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  /// Whether the request may be sent at all.
  [[nodiscard]] Status admit() const;
  /// The file holds `size` bytes that the resume point vouches for.
  void prepared(ByteCount size);
  /// Sets `easy` up for the next request; the caller runs it.
  void start(Easy easy, const FetchLimits& limits);
  /// The request is over. Nothing: start the next one.
  std::optional<Ending> conclude(CURLcode code);
  /// The request is broken off for this reason; a verdict that was already reached stands.
  Ending break_off(Error reason);
  /// Hands over what was received and ends; `easy` must have been taken away.
  void finish(Ending ending);

  [[nodiscard]] Easy take_easy() noexcept { return std::move(m_easy); }
  [[nodiscard]] CURL* easy() const noexcept { return m_easy.get(); }
  [[nodiscard]] bool is_finishing() const noexcept { return m_is_finishing; }
  [[nodiscard]] bool is_preparing() const noexcept { return !m_is_prepared; }
  [[nodiscard]] Intake& intake() noexcept { return m_intake; }
  [[nodiscard]] std::uint64_t ticket() const noexcept { return m_intake.ticket(); }

  enum class Scarcity { yes, no };
  /// Regular care: true means that the server has stalled. With scarcity buffers are handed over
  /// although they are not full: others wait for one.
  [[nodiscard]] bool turn(MonotonicTime now, Scarcity buffers);
  /// Goes on after a pause where that is possible; a failure of libcurl, else CURLE_OK.
  CURLcode resume_if_possible(MonotonicTime now);
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
  Buffer take_buffer();
  void store(std::span<const std::byte> bytes);
  void hand_over();
  void pause(Pause why);
  void judged();
  bool refuses(bool is_private, const std::string& address);
  void ask_from_zero();
  std::optional<Ending> follow(const std::string& location);
  Ending ending(Status status) const;
  [[nodiscard]] bool keeps_body() const noexcept;

  // Constant after construction.
  const Url m_first_url;
  const std::optional<Credential> m_credential;
  const HostRules m_rules;
  const Plant m_plant;

  Intake m_intake;  ///< the writers' side

  // The loop's thread only.
  std::optional<ResumePoint> m_resume;
  bool m_is_prepared = false;
  bool m_is_finishing = false;
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
  Buffer m_buffer;
  Buffer m_next;
  MonotonicTime m_filled_since{};  ///< first byte in m_buffer
  Pause m_pause = Pause::none;
};

}  // namespace reelkeep::curl
