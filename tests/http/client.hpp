#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "reelkeep/base/unique_fd.hpp"

namespace reelkeep::testing {

/// An answer as it came over the wire.
struct Answer {
  int status = 0;  ///< 0: the connection ended instead
  std::string head;
  std::string body;
};

/// One connection, no HTTP of its own: sends what it is told. A hang of 30 s is a failure.
class RawClient {
 public:
  explicit RawClient(const std::string& address);

  /// As much as the server takes; false: it has closed the connection.
  bool send(std::string_view bytes);
  /// Without a request of its own: "the request head\r\n..." must have been sent before.
  Answer read_answer();
  /// The same without the body: for answers to HEAD, and 100 Continue.
  std::string read_head();
  /// Exactly so many bytes, or fewer when the connection ends.
  std::string read(std::size_t size);
  /// All up to the end of the connection.
  std::string read_to_end();
  void half_close();
  void close() { m_socket.reset(); }
  [[nodiscard]] int descriptor() const noexcept { return m_socket.get(); }

 private:
  bool read_more();
  UniqueFd m_socket;
  std::string m_input;
};

/// One request on a connection of its own.
Answer ask(const std::string& address, std::string_view request);

struct Finished {
  int exit_status = -1;
  std::string output;  ///< stdout
};
/// Runs a program found on the system's PATH, in an environment with nothing but PATH.
Finished run_program(const std::vector<std::string>& arguments);
/// curl without configuration file, proxies and progress; the answer's status is the output's last
/// line.
Finished run_curl(std::vector<std::string> arguments);

}  // namespace reelkeep::testing
