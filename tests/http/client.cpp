#include "http/client.hpp"

#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <netinet/in.h>
#include <spawn.h>
#include <stdexcept>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

namespace reelkeep::testing {

RawClient::RawClient(const std::string& address)
    : m_socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  const auto colon = address.rfind(':');
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(static_cast<std::uint16_t>(std::stoi(address.substr(colon + 1))));
  ::inet_pton(AF_INET, address.substr(0, colon).c_str(), &to.sin_addr);
  const timeval patience{.tv_sec = 30, .tv_usec = 0};
  ::setsockopt(m_socket.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  ::setsockopt(m_socket.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  if (!m_socket || ::connect(m_socket.get(), reinterpret_cast<sockaddr*>(&to), sizeof to) != 0)
    throw std::runtime_error("cannot connect to " + address);
}

bool RawClient::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto count = ::send(m_socket.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return true;
}

bool RawClient::read_more() {
  std::array<char, 65536> buffer{};
  const auto count = ::recv(m_socket.get(), buffer.data(), buffer.size(), 0);
  if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
    throw std::runtime_error("the server neither answers nor closes");
  if (count <= 0) return false;
  m_input.append(buffer.data(), static_cast<std::size_t>(count));
  return true;
}

std::string RawClient::read_head() {
  for (;;) {
    if (const auto end = m_input.find("\r\n\r\n"); end != std::string::npos) {
      auto head = m_input.substr(0, end + 4);
      m_input.erase(0, end + 4);
      return head;
    }
    if (!read_more()) return {};
  }
}

std::string RawClient::read(std::size_t size) {
  while (m_input.size() < size && read_more()) {
  }
  auto bytes = m_input.substr(0, size);
  m_input.erase(0, size);
  return bytes;
}

std::string RawClient::read_to_end() {
  while (read_more()) {
  }
  return std::exchange(m_input, {});
}

Answer RawClient::read_answer() {
  Answer answer;
  answer.head = read_head();
  if (answer.head.empty()) return answer;
  answer.status = std::stoi(answer.head.substr(9, 3));
  constexpr std::string_view k_length = "\r\nContent-Length: ";
  if (const auto at = answer.head.find(k_length); at != std::string::npos)
    answer.body = read(std::stoul(answer.head.substr(at + k_length.size())));
  return answer;
}

void RawClient::half_close() {
  ::shutdown(m_socket.get(), SHUT_WR);
}

Answer ask(const std::string& address, std::string_view request) {
  RawClient client(address);
  client.send(request);
  return client.read_answer();
}

Finished run_program(const std::vector<std::string>& arguments) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("pipe failed");
  UniqueFd reading(ends[0]);
  UniqueFd writing(ends[1]);
  std::vector<char*> argv;
  for (const auto& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  std::string path = "PATH=/usr/local/bin:/usr/bin:/bin";
  std::array<char*, 2> environment{path.data(), nullptr};
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, writing.get(), 1);
  pid_t child = 0;
  const int failed =
      ::posix_spawnp(&child, argv[0], &actions, nullptr, argv.data(), environment.data());
  ::posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) throw std::runtime_error("cannot run " + arguments[0]);
  writing.reset();
  Finished finished;
  std::array<char, 65536> buffer{};
  for (ssize_t count = 0; (count = ::read(reading.get(), buffer.data(), buffer.size())) > 0;)
    finished.output.append(buffer.data(), static_cast<std::size_t>(count));
  int status = 0;
  ::waitpid(child, &status, 0);
  if (WIFEXITED(status)) finished.exit_status = WEXITSTATUS(status);
  return finished;
}

Finished run_curl(std::vector<std::string> arguments) {
  std::vector<std::string> all = {"curl",       "-q", "-sS", "--noproxy",     "*",
                                  "--max-time", "30", "-w",  "\n%{http_code}"};
  all.insert(all.end(), arguments.begin(), arguments.end());
  return run_program(all);
}

}  // namespace reelkeep::testing
