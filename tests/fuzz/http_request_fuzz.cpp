#include <algorithm>
#include <variant>

#include "fuzz/targets.hpp"
#include "http/basic_auth.hpp"
#include "http/body.hpp"
#include "http/codec.hpp"
#include "http/head.hpp"

namespace reelkeep::fuzz {
namespace {

constexpr std::uint64_t k_max_body = 1000;

struct Body {
  http::BodyProgress progress = http::BodyProgress::more;
  std::string bytes;
  std::size_t left = 0;
};

Body read_body(const http::Framing& framing, std::string_view input, std::size_t step) {
  http::BodyReader reader(framing, k_max_body);
  Body body;
  while (body.progress == http::BodyProgress::more && !input.empty()) {
    std::string_view piece = input.substr(0, step);
    const std::size_t given = piece.size();
    body.progress = reader.consume(piece, &body.bytes);
    demand(body.progress != http::BodyProgress::more || piece.empty(),
           "a reader that wants more has taken what there was");
    input.remove_prefix(given - piece.size());
  }
  body.left = input.size();
  return body;
}

void check_head(const http::Head& head) {
  const http::Request& request = head.request;
  demand(!request.method.empty() && !request.target.empty(), "a request asks for something");
  for (const auto& [name, value] : request.headers) {
    demand(!name.empty() && std::ranges::none_of(name, [](char c) { return c >= 'A' && c <= 'Z'; }),
           "names of headers are lower case");
    demand(value.find_first_of(std::string_view("\r\n\0", 3)) == std::string::npos,
           "a header is one line");
  }
}

}  // namespace

void http_request(std::string_view input) {
  static http::Codec codec{std::chrono::seconds(5)};
  std::size_t scanned = 0;
  const auto scan = http::scan_head(input, scanned);
  scanned = 0;
  http::HeadScan bytewise;
  for (std::size_t size = 0;
       size <= input.size() && bytewise.progress == http::HeadProgress::incomplete; ++size)
    bytewise = http::scan_head(input.substr(0, size), scanned);
  demand(bytewise.progress == scan.progress && bytewise.size == scan.size,
         "where a head ends does not depend on how it arrives");
  if (scan.progress != http::HeadProgress::complete) return;

  const auto parsed = http::parse_head(input.substr(0, scan.size), codec);
  const auto* head = std::get_if<http::Head>(&parsed);
  if (head == nullptr) {
    demand(std::get<http::Refusal>(parsed).status >= 400, "a refusal has the status of one");
    return;
  }
  check_head(*head);
  const std::string_view rest = input.substr(scan.size);
  const Body whole = read_body(head->framing, rest, rest.size());
  const Body bytes = read_body(head->framing, rest, 1);
  demand(whole.bytes.size() <= k_max_body, "a body stays within its limit");
  demand(whole.progress == bytes.progress && whole.bytes == bytes.bytes,
         "what a body is does not depend on how it arrives");
  demand(whole.progress != http::BodyProgress::complete || whole.left == bytes.left,
         "where a body ends does not depend on how it arrives");
}

}  // namespace reelkeep::fuzz
