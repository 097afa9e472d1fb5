#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace reelkeep::curl {

/// Status and header fields of one answer, read line by line. Bounded: an answer with more is
/// refused.
class AnswerHead {
 public:
  static constexpr std::size_t k_most_bytes = 64U << 10U;

  enum class Line { more, complete, too_large };
  /// One line as it came, with its line end. A status line starts anew (1xx, CONNECT); what comes
  /// after `complete` without one is a trailer and is only counted.
  Line add(std::string_view line);

  [[nodiscard]] int status() const noexcept { return m_status; }
  [[nodiscard]] bool complete() const noexcept { return m_complete; }
  /// The first field of that name (lower case), trimmed.
  [[nodiscard]] std::optional<std::string> find(std::string_view name) const;
  /// All fields of that name, in order.
  [[nodiscard]] std::vector<std::string> find_all(std::string_view name) const;
  /// Names in lower case, in order.
  [[nodiscard]] std::vector<std::pair<std::string, std::string>>&& take_fields() && noexcept {
    return std::move(m_fields);
  }
  void clear();

 private:
  int m_status = 0;
  bool m_complete = false;
  std::size_t m_bytes = 0;
  std::vector<std::pair<std::string, std::string>> m_fields;
};

}  // namespace reelkeep::curl
