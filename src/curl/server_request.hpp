#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <curl/curl.h>
#include <optional>
#include <string>
#include <vector>

#include "curl/destination.hpp"
#include "curl/handle.hpp"

namespace reelkeep::curl {

/// One exchange with a server of FTP or SSH. One use, one thread; borrows all it is given.
class ServerRequest {
 public:
  enum class Want {
    size,      ///< ends as soon as the size is known
    bytes,     ///< the body goes to the sink
    names,     ///< FTP: the names in a folder, one per line
    commands,  ///< only the commands
  };
  struct Told {
    std::optional<ByteCount> size;
    std::int64_t time = -1;  ///< of the last change, in seconds; -1: not told
    std::string names;
  };

  ServerRequest(CURL* easy, const ServerAccess& access, const std::atomic<bool>& interrupted)
      : m_easy(easy), m_access(access), m_interrupted(interrupted) {}

  void add_command(const std::string& command) { m_commands.add(command.c_str()); }
  void start_at(ByteCount offset) noexcept { m_offset = offset; }
  void give_to(const Destination::Sink& sink) noexcept { m_sink = &sink; }

  Result<Told> run(Want want, std::string_view scheme, const std::string& path);
  [[nodiscard]] CURLcode code() const noexcept { return m_code; }

 private:
  static std::size_t on_bytes(char* bytes, std::size_t size, std::size_t count,
                              void* self) noexcept;
  static int on_progress(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t) noexcept;
  static int on_host_key(void* self, int type, const char* key, std::size_t size) noexcept;
  std::size_t take(std::span<const std::byte> bytes);
  void set_up(Want want, const std::string& url);
  void set_login();
  [[nodiscard]] std::optional<ByteCount> told_size() const;
  [[nodiscard]] Error explain(const std::string& path) const;

  CURL* const m_easy;
  const ServerAccess& m_access;
  const std::atomic<bool>& m_interrupted;
  HeaderList m_commands;
  ByteCount m_offset;
  const Destination::Sink* m_sink = nullptr;

  Want m_want = Want::size;
  std::array<char, CURL_ERROR_SIZE> m_error_buffer{};
  std::string m_names;
  std::uint64_t m_seen = 0;  ///< bytes of the body
  std::uint64_t m_seen_before = 0;
  std::chrono::steady_clock::time_point m_last_sign;
  bool m_size_is_known = false;
  std::string m_shown_key;  ///< the server's, when it is not the configured one
  std::optional<Error> m_failure;
  CURLcode m_code = CURLE_OK;
};

}  // namespace reelkeep::curl
