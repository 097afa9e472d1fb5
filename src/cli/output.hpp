#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "reelkeep/base/result.hpp"

namespace reelkeep::cli {

enum class Tone { plain, good, bad, busy, faint, strong };

/// Standard output: gathers text and writes it in large pieces. One thread.
class Output {
 public:
  /// `width` 0: whatever is written is not cut to a width.
  struct Look {
    bool terminal = false;
    bool colours = false;
    std::size_t width = 0;
  };

  /// `fd` is borrowed.
  Output(int fd, Look look) : m_fd(fd), m_look(look) {}
  ~Output();
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;
  /// Of standard output: a terminal's width (else $COLUMNS, else 80), colours unless NO_COLOR.
  static Look look_of_process(int fd);

  [[nodiscard]] const Look& look() const noexcept { return m_look; }
  void text(std::string_view text);
  void line(std::string_view text = "");
  /// The text in that tone, where there are colours.
  [[nodiscard]] std::string toned(std::string_view text, Tone tone) const;
  /// A reader that went away is no error; after it `closed()` says that writing more is in vain.
  Status flush();
  [[nodiscard]] bool closed() const noexcept { return m_closed; }

 private:
  const int m_fd;
  const Look m_look;
  std::string m_pending;
  Status m_status;  ///< the first failure
  bool m_closed = false;
};

/// One line on standard error: `reelkeep: ...`. Several lines become several.
void complain(std::string_view message);
/// A remark on standard error, without prefix.
void remark(std::string_view message);

}  // namespace reelkeep::cli
