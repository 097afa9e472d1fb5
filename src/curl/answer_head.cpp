#include "curl/answer_head.hpp"

#include <charconv>

#include "reelkeep/base/text.hpp"

namespace reelkeep::curl {
namespace {

/// The three digits of "HTTP/1.1 206 Partial Content"; 0: none.
int status_of(std::string_view line) {
  const auto space = line.find(' ');
  if (space == std::string_view::npos) return 0;
  int status = 0;
  const std::string_view digits = line.substr(space + 1, 3);
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), status);
  return error == std::errc{} && end == digits.data() + digits.size() ? status : 0;
}

}  // namespace

AnswerHead::Line AnswerHead::add(std::string_view line) {
  m_bytes += line.size();
  if (m_bytes > k_most_bytes) return Line::too_large;
  if (line.starts_with("HTTP/")) {
    m_status = status_of(line);
    m_complete = false;
    m_fields.clear();
    return Line::more;
  }
  if (m_complete) return Line::more;  // trailer
  const std::string_view content = text::trim(line);
  if (content.empty()) {
    // 1xx announces that the real one follows.
    m_complete = m_status >= 200;
    return m_complete ? Line::complete : Line::more;
  }
  if (line.front() == ' ' || line.front() == '\t') {  // obsolete folding
    if (!m_fields.empty()) m_fields.back().second.append(" ").append(content);
    return Line::more;
  }
  // A name with a space before the colon is another one, to libcurl as well, which ends bodies by
  // it.
  const auto colon = line.find(':');
  if (colon != std::string_view::npos)
    m_fields.emplace_back(text::lower(line.substr(0, colon)), text::trim(line.substr(colon + 1)));
  return Line::more;
}

std::optional<std::string> AnswerHead::find(std::string_view name) const {
  for (const auto& [field, value] : m_fields)
    if (field == name) return value;
  return std::nullopt;
}

std::vector<std::string> AnswerHead::find_all(std::string_view name) const {
  std::vector<std::string> values;
  for (const auto& [field, value] : m_fields)
    if (field == name) values.push_back(value);
  return values;
}

void AnswerHead::clear() {
  *this = AnswerHead();
}

}  // namespace reelkeep::curl
