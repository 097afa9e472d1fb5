#include "http/body.hpp"

#include <algorithm>

namespace reelkeep::http {
namespace {

/// Extensions and trailers of one body together: nobody here sends any.
constexpr std::uint64_t k_max_coding_bytes = 16384;
/// 2^60 - 1 needs fifteen; more could wrap around.
constexpr int k_max_size_digits = 15;

int hex_value(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

BodyReader::BodyReader(Framing framing, std::uint64_t max_body) noexcept
    : m_framing(framing), m_max_body(max_body) {
  if (framing.kind == BodyKind::length) m_remaining = framing.length;
}

BodyProgress BodyReader::consume(std::string_view& input, std::string* sink) {
  switch (m_framing.kind) {
    case BodyKind::none:
      return BodyProgress::complete;
    case BodyKind::length:
      if (m_framing.length > m_max_body) return BodyProgress::too_large;
      take(input, sink);
      return m_remaining == 0 ? BodyProgress::complete : BodyProgress::more;
    case BodyKind::chunked:
      return consume_chunked(input, sink);
  }
  return BodyProgress::malformed;
}

void BodyReader::take(std::string_view& input, std::string* sink) {
  const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(input.size(), m_remaining));
  if (sink != nullptr) sink->append(input.substr(0, size));
  input.remove_prefix(size);
  m_remaining -= size;
  m_received += size;
}

BodyProgress BodyReader::consume_chunked(std::string_view& input, std::string* sink) {
  while (!input.empty()) {
    if (m_part == Part::data) {
      take(input, sink);
      if (m_remaining == 0) m_part = Part::data_cr;
      continue;
    }
    const char byte = input.front();
    input.remove_prefix(1);
    const auto progress = consume_coding_byte(byte);
    if (progress != BodyProgress::more) return progress;
  }
  return BodyProgress::more;
}

BodyProgress BodyReader::consume_coding_byte(char byte) {
  switch (m_part) {
    case Part::size:
      if (const int digit = hex_value(byte); digit >= 0) {
        if (++m_size_digits > k_max_size_digits) return BodyProgress::too_large;
        m_remaining = m_remaining * 16 + static_cast<std::uint64_t>(digit);
        return BodyProgress::more;
      }
      if (m_size_digits == 0) return BodyProgress::malformed;
      if (m_remaining > m_max_body - std::min(m_max_body, m_received))
        return BodyProgress::too_large;
      if (byte == '\r')
        m_part = Part::size_end;
      else if (byte == ';')
        m_part = Part::extension;
      else
        return BodyProgress::malformed;
      return BodyProgress::more;
    case Part::extension:
      if (byte == '\r')
        m_part = Part::size_end;
      else if (byte == '\n' || byte == '\0')
        return BodyProgress::malformed;
      else if (++m_coding_bytes > k_max_coding_bytes)
        return BodyProgress::too_large;
      return BodyProgress::more;
    case Part::size_end:
      if (byte != '\n') return BodyProgress::malformed;
      m_size_digits = 0;
      m_part = m_remaining == 0 ? Part::trailer : Part::data;
      m_line_empty = true;
      return BodyProgress::more;
    case Part::data:
      return BodyProgress::malformed;  // consume_chunked() takes data itself
    case Part::data_cr:
      if (byte != '\r') return BodyProgress::malformed;
      m_part = Part::data_lf;
      return BodyProgress::more;
    case Part::data_lf:
      if (byte != '\n') return BodyProgress::malformed;
      m_part = Part::size;
      return BodyProgress::more;
    case Part::trailer:
      if (byte == '\r')
        m_part = Part::trailer_end;
      else if (byte == '\n' || byte == '\0')
        return BodyProgress::malformed;
      else if (++m_coding_bytes > k_max_coding_bytes)
        return BodyProgress::too_large;
      else
        m_line_empty = false;
      return BodyProgress::more;
    case Part::trailer_end:
      if (byte != '\n') return BodyProgress::malformed;
      if (m_line_empty) return BodyProgress::complete;
      m_line_empty = true;
      m_part = Part::trailer;
      return BodyProgress::more;
  }
  return BodyProgress::malformed;
}

}  // namespace reelkeep::http
