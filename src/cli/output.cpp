#include "cli/output.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <sys/ioctl.h>
#include <unistd.h>

#include "reelkeep/base/text.hpp"

namespace reelkeep::cli {
namespace {

constexpr std::size_t k_piece = 64 * 1024;

/// 0, or errno.
int write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno;
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return 0;
}

std::string_view escape(Tone tone) {
  switch (tone) {
    case Tone::plain:
      return "";
    case Tone::good:
      return "\x1b[32m";
    case Tone::bad:
      return "\x1b[31m";
    case Tone::busy:
      return "\x1b[33m";
    case Tone::faint:
      return "\x1b[2m";
    case Tone::strong:
      return "\x1b[1m";
  }
  return "";
}

void lines_to_stderr(std::string_view prefix, std::string_view message) {
  std::string all;
  for (const std::string_view line : text::split(message, '\n'))
    if (!line.empty()) all += std::string(prefix) + text::printable(line) + "\n";
  (void)write_all(STDERR_FILENO, all);
}

}  // namespace

Output::~Output() {
  (void)flush().has_value();
}

Output::Look Output::look_of_process(int fd) {
  Look look;
  look.terminal = ::isatty(fd) == 1;
  if (!look.terminal) return look;
  const char* no_color = std::getenv("NO_COLOR");
  const char* term = std::getenv("TERM");
  look.colours = (no_color == nullptr || *no_color == '\0') &&
                 (term == nullptr || std::string_view(term) != "dumb");
  winsize size{};
  if (::ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
    look.width = size.ws_col;
  } else {
    const char* columns = std::getenv("COLUMNS");
    const long told = columns != nullptr ? std::strtol(columns, nullptr, 10) : 0;
    look.width = told > 0 ? static_cast<std::size_t>(told) : 80;
  }
  look.width = std::clamp<std::size_t>(look.width, 20, 1000);
  return look;
}

void Output::text(std::string_view text) {
  if (m_closed) return;
  m_pending += text;
  if (m_pending.size() >= k_piece) (void)flush().has_value();
}

void Output::line(std::string_view line) {
  text(line);
  text("\n");
}

std::string Output::toned(std::string_view text, Tone tone) const {
  if (!m_look.colours || tone == Tone::plain || text.empty()) return std::string(text);
  return std::string(escape(tone)) + std::string(text) + "\x1b[0m";
}

Status Output::flush() {
  if (m_closed) return m_status;
  const int why = write_all(m_fd, m_pending);
  m_pending.clear();
  if (why != 0) {
    m_closed = true;
    if (why != EPIPE) m_status = Error::from_errno(why, "cannot write to standard output");
  }
  return m_status;
}

void complain(std::string_view message) {
  lines_to_stderr("reelkeep: ", message);
}

void remark(std::string_view message) {
  lines_to_stderr("", message);
}

}  // namespace reelkeep::cli
