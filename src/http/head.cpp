#include "http/head.hpp"

#include <algorithm>
#include <charconv>
#include <limits>

#include "reelkeep/base/text.hpp"

namespace reelkeep::http {
namespace {

constexpr std::string_view k_line_end = "\r\n";

bool is_token_char(char c) noexcept {
  constexpr std::string_view k_marks = "!#$%&'*+-.^_`|~";
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         k_marks.find(c) != std::string_view::npos;
}

bool is_token(std::string_view text) noexcept {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_token_char);
}

bool is_value_char(char c) noexcept {
  return c == '\t' || (static_cast<unsigned char>(c) >= 0x20 && c != '\x7f');
}

bool is_target_char(char c) noexcept {
  return static_cast<unsigned char>(c) > 0x20 && c != '\x7f' && c != '#';
}

std::string_view trim_spaces(std::string_view text) noexcept {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

/// "http://host/path" as a proxy writes it, to "/path".
std::string_view origin_form(std::string_view target) noexcept {
  const auto scheme = target.find("://");
  if (target.starts_with('/') || scheme == std::string_view::npos) return target;
  const auto path = target.find_first_of("/?", scheme + 3);
  return path == std::string_view::npos ? std::string_view("/") : target.substr(path);
}

/// One list element among comma-separated ones, whatever its case.
bool lists(std::string_view value, std::string_view element) {
  for (const auto part : text::split(value, ','))
    if (text::equals_ignoring_case(trim_spaces(part), element)) return true;
  return false;
}

/// Digits only; more than 64 bits is certainly more than any limit.
std::optional<std::uint64_t> parse_length(std::string_view text) noexcept {
  if (text.empty() || text.find_first_not_of("0123456789") != std::string_view::npos)
    return std::nullopt;
  std::uint64_t length = 0;
  if (std::from_chars(text.data(), text.data() + text.size(), length).ec != std::errc{})
    length = std::numeric_limits<std::uint64_t>::max();
  return length;
}

/// The headers that decide about framing and connection, each allowed once.
class Decisive {
 public:
  std::optional<Refusal> take(std::string_view name, std::string_view value) {
    if (name == "content-length") return once(m_length, value, "repeated Content-Length");
    if (name == "transfer-encoding") return once(m_coding, value, "repeated Transfer-Encoding");
    if (name == "host") return once(m_host, value, "repeated Host");
    if (name == "expect") return once(m_expect, value, "repeated Expect");
    if (name == "connection") m_connection.append(",").append(value);
    return std::nullopt;
  }

  std::optional<Refusal> decide(bool is_1_0, Head& head) const {
    if (!is_1_0 && !m_host) return Refusal{400, "no Host header"};
    if (m_coding) {
      if (m_length) return Refusal{400, "both Transfer-Encoding and Content-Length"};
      if (is_1_0) return Refusal{400, "Transfer-Encoding in HTTP/1.0"};
      if (!text::equals_ignoring_case(*m_coding, "chunked"))
        return Refusal{501, "unknown transfer coding"};
      head.framing = {.kind = BodyKind::chunked};
    } else if (m_length) {
      const auto length = parse_length(*m_length);
      if (!length) return Refusal{400, "malformed Content-Length"};
      if (*length > 0) head.framing = {.kind = BodyKind::length, .length = *length};
    }
    const bool close = lists(m_connection, "close");
    head.keep_alive =
        close || (is_1_0 && !lists(m_connection, "keep-alive")) ? KeepAlive::no : KeepAlive::yes;
    if (m_expect && !is_1_0) {
      if (!text::equals_ignoring_case(*m_expect, "100-continue"))
        return Refusal{417, "unknown expectation"};
      head.expects = Expects::go_ahead;
    }
    return std::nullopt;
  }

 private:
  static std::optional<Refusal> once(std::optional<std::string_view>& place, std::string_view value,
                                     std::string_view otherwise) {
    if (place) return Refusal{400, otherwise};
    place = value;
    return std::nullopt;
  }

  std::optional<std::string_view> m_length;
  std::optional<std::string_view> m_coding;
  std::optional<std::string_view> m_host;
  std::optional<std::string_view> m_expect;
  std::string m_connection;
};

}  // namespace

std::size_t leading_empty_lines(std::string_view input) noexcept {
  std::size_t size = 0;
  while (input.substr(size).starts_with(k_line_end)) size += k_line_end.size();
  return size;
}

HeadScan scan_head(std::string_view input, std::size_t& scanned) noexcept {
  if (!input.empty() && input.front() != '\r' && !is_token_char(input.front()))
    return {HeadProgress::malformed};
  for (; scanned < input.size(); ++scanned) {
    if (input[scanned] != '\n') continue;
    if (scanned == 0 || input[scanned - 1] != '\r') return {HeadProgress::malformed};
    if (scanned >= 3 && input.substr(scanned - 3, 3) == "\r\n\r")
      return {HeadProgress::complete, scanned + 1};
  }
  return {};
}

std::variant<Head, Refusal> parse_head(std::string_view text, Codec& codec) {
  Head head;
  const auto line_end = text.find(k_line_end);
  const auto line = text.substr(0, line_end);
  const auto first_space = line.find(' ');
  const auto last_space = line.rfind(' ');
  if (line_end == std::string_view::npos || first_space == last_space)
    return Refusal{400, "malformed request line"};
  const auto method = line.substr(0, first_space);
  const auto target = line.substr(first_space + 1, last_space - first_space - 1);
  const auto version = line.substr(last_space + 1);
  if (!is_token(method) || target.empty() ||
      !std::all_of(target.begin(), target.end(), is_target_char) || !version.starts_with("HTTP/"))
    return Refusal{400, "malformed request line"};
  const bool is_1_0 = version == "HTTP/1.0";
  if (!is_1_0 && version != "HTTP/1.1")
    return Refusal{505, "only HTTP/1.1 and HTTP/1.0 are spoken"};
  head.request.method = method;

  Decisive decisive;
  for (auto rest = text.substr(line_end + 2); rest != k_line_end;) {
    const auto end = rest.find(k_line_end);
    if (end == std::string_view::npos) return Refusal{400, "malformed header"};
    const auto header = rest.substr(0, end);
    rest.remove_prefix(end + 2);
    const auto colon = header.find(':');
    // A space before the colon, a folded line and a stray CR are where readers differ.
    if (colon == std::string_view::npos || !is_token(header.substr(0, colon)))
      return Refusal{400, "malformed header"};
    const auto value = trim_spaces(header.substr(colon + 1));
    if (!std::all_of(value.begin(), value.end(), is_value_char))
      return Refusal{400, "malformed header"};
    auto name = text::lower(header.substr(0, colon));
    if (auto refusal = decisive.take(name, value)) return *refusal;
    head.request.headers.emplace_back(std::move(name), value);
  }
  if (auto refusal = decisive.decide(is_1_0, head)) return *refusal;
  if (const auto status = codec.read_target(origin_form(target), head.request))
    return Refusal{*status, "malformed request target"};
  return head;
}

}  // namespace reelkeep::http
