#include "curl/judgement.hpp"

#include <algorithm>
#include <charconv>
#include <curl/curl.h>
#include <ranges>

#include "reelkeep/base/text.hpp"

namespace reelkeep::curl {
namespace {

using Kind = Judgement::Kind;

constexpr std::chrono::seconds k_longest_retry_after{3600};
/// A file that changed this shortly before it was served may change again within the same second
/// of its Last-Modified (RFC 9110, 8.8.2.2).
constexpr std::chrono::seconds k_settled{60};
constexpr std::size_t k_longest_validator = 1024;

std::optional<std::uint64_t> number(std::string_view digits) {
  std::uint64_t value = 0;
  const char* const end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, value);
  if (digits.empty() || error != std::errc{} || stop != end) return std::nullopt;
  return value;
}

std::optional<std::chrono::sys_seconds> http_date(const std::string& text) {
  const time_t seconds = curl_getdate(text.c_str(), nullptr);
  if (seconds == -1) return std::nullopt;
  return std::chrono::sys_seconds(std::chrono::seconds(seconds));
}

/// The server's own clock where it shows one, so that a wrong clock on either side does no harm.
std::chrono::sys_seconds server_time(const AnswerHead& head, Timestamp now) {
  if (const auto date = head.find("date"))
    if (const auto time = http_date(*date)) return *time;
  return std::chrono::floor<std::chrono::seconds>(now);
}

std::optional<std::chrono::seconds> retry_after(const AnswerHead& head, Timestamp now) {
  const auto field = head.find("retry-after");
  if (!field) return std::nullopt;
  const bool is_digits =
      !field->empty() && std::ranges::all_of(*field, [](char c) { return c >= '0' && c <= '9'; });
  if (is_digits) {
    const std::uint64_t most = static_cast<std::uint64_t>(k_longest_retry_after.count());
    return std::chrono::seconds(std::min(number(*field).value_or(most), most));
  }
  const auto date = http_date(*field);
  if (!date) return std::nullopt;
  return std::clamp(
      std::chrono::duration_cast<std::chrono::seconds>(*date - server_time(head, now)),
      std::chrono::seconds(0), k_longest_retry_after);
}

/// Visible ASCII and spaces.
bool is_visible(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c >= 0x20 && c < 0x7f; });
}

bool is_strong_etag(const std::string& tag) {
  return tag.size() >= 2 && tag.size() <= k_longest_validator && tag.front() == '"' &&
         tag.back() == '"' && std::ranges::all_of(tag.substr(1, tag.size() - 2), [](char c) {
           return c != '"' && static_cast<unsigned char>(c) > 0x20 && c != 0x7f;
         });
}

/// What If-Range may carry later (RFC 9110, 13.1.5): a strong entity tag, or a date that is strong
/// because the file has been left alone for a while.
std::string strong_validator(const AnswerHead& head, Timestamp now) {
  if (const auto ranges = head.find("accept-ranges"); ranges && text::lower(*ranges) == "none")
    return {};
  if (const auto tag = head.find("etag")) return is_strong_etag(*tag) ? *tag : std::string{};
  const auto modified = head.find("last-modified");
  // curl reads dates out of much else, and what is kept will be sent as a header line.
  if (!modified || modified->size() > k_longest_validator || !is_visible(*modified)) return {};
  const auto time = http_date(*modified);
  return time && *time + k_settled <= server_time(head, now) ? *modified : std::string{};
}

Judgement refuse(Errc code, const Asked& asked, std::string what,
                 std::optional<std::chrono::seconds> wait = std::nullopt) {
  Judgement judgement;
  judgement.error = Error{code, asked.host + ": " + std::move(what), wait};
  return judgement;
}

Judgement ask_again_or_refuse(const Asked& asked, std::string what) {
  if (!asked.may_ask_again) return refuse(Errc::unavailable, asked, std::move(what));
  Judgement judgement;
  judgement.kind = Kind::again;
  return judgement;
}

struct ContentRange {
  std::uint64_t first;
  std::uint64_t last;
  std::uint64_t length;
};

/// "bytes 10-99/100"; nothing for anything else, an unknown length included.
std::optional<ContentRange> content_range(const AnswerHead& head) {
  const auto fields = head.find_all("content-range");
  if (fields.size() != 1) return std::nullopt;
  const std::string_view field = fields.front();
  const auto space = field.find(' ');
  if (space == std::string_view::npos ||
      !text::equals_ignoring_case(field.substr(0, space), "bytes"))
    return std::nullopt;
  const std::string_view range = text::trim(field.substr(space));
  const auto dash = range.find('-');
  const auto slash = range.find('/');
  if (dash == std::string_view::npos || slash == std::string_view::npos || slash < dash)
    return std::nullopt;
  const auto first = number(range.substr(0, dash));
  const auto last = number(range.substr(dash + 1, slash - dash - 1));
  const auto length = number(range.substr(slash + 1));
  if (!first || !last || !length || *first > *last || *last >= *length) return std::nullopt;
  return ContentRange{*first, *last, *length};
}

/// Reads Content-Length into `judgement`; false where it contradicts itself.
bool take_body_length(const AnswerHead& head, Judgement& judgement) {
  if (head.find("transfer-encoding")) return true;  // then Content-Length means nothing
  const auto fields = head.find_all("content-length");
  if (fields.empty()) return true;
  const auto length = number(fields.front());
  if (!length || std::ranges::any_of(fields, [&](const auto& f) { return f != fields.front(); }))
    return false;
  judgement.body_length = ByteCount(*length);
  return true;
}

Judgement judge_body(const AnswerHead& head, const Asked& asked, Timestamp now) {
  for (const std::string& encoding : head.find_all("content-encoding"))
    if (!encoding.empty() && text::lower(encoding) != "identity")
      return refuse(Errc::corrupt, asked,
                    "sends the file encoded as " + text::printable(encoding.substr(0, 40)) +
                        " although identity was asked for");

  Judgement judgement;
  judgement.content_type = head.find("content-type").value_or("").substr(0, 256);
  judgement.validator = strong_validator(head, now);
  if (!take_body_length(head, judgement))
    return refuse(Errc::corrupt, asked, "declares a Content-Length that contradicts itself");

  if (head.status() == 200) {
    judgement.tells_end = judgement.body_length || head.find("transfer-encoding");
    judgement.kind = Kind::whole;
    judgement.length = judgement.body_length;
    judgement.takes_ranges = text::lower(head.find("accept-ranges").value_or("")) == "bytes";
    return judgement;
  }
  if (asked.offset == ByteCount()) return refuse(Errc::corrupt, asked, "206 to a request for all");
  const auto range = content_range(head);
  const bool is_exact = range && range->first == asked.offset.get() &&
                        range->last + 1 == (asked.end ? asked.end->get() : range->length) &&
                        (!asked.length || asked.length->get() == range->length);
  const ByteCount rest(range ? range->last - range->first + 1 : 0);
  if (!is_exact || (judgement.body_length && *judgement.body_length != rest))
    return ask_again_or_refuse(asked, "answers another range than was asked for");
  const std::string current =
      head.find(asked.validator.starts_with('"') ? "etag" : "last-modified").value_or("");
  if (asked.validator.empty() || current != asked.validator)
    return ask_again_or_refuse(asked, "answers with a part of another version");
  judgement.kind = Kind::rest;
  judgement.takes_ranges = true;
  judgement.body_length = rest;
  judgement.length = ByteCount(range->length);
  judgement.validator = asked.validator;
  return judgement;
}

Judgement judge_failure(const AnswerHead& head, const Asked& asked, Timestamp now) {
  const int status = head.status();
  const std::string code = std::to_string(status);
  const auto wait = retry_after(head, now);
  switch (status) {
    case 401:
    case 403:
      if (asked.pair_sent)
        return refuse(Errc::unauthorized, asked, code + ": the pair of the project is refused",
                      wait);
      return refuse(Errc::unavailable, asked, code + " from a host that the pair is not sent to",
                    wait);
    case 404:
      return refuse(Errc::not_found, asked, "404 not found", wait);
    case 410:
      return refuse(Errc::not_found, asked, "410 gone", wait);
    case 407:
      return refuse(Errc::unavailable, asked, "407: the proxy wants credentials", wait);
    case 408:
      return refuse(Errc::unavailable, asked, "408 request timeout", wait);
    case 425:
      return refuse(Errc::unavailable, asked, "425 too early", wait);
    case 429:
      return refuse(Errc::unavailable, asked, "429 too many requests", wait);
    case 503:
      return refuse(Errc::unavailable, asked, "503 service unavailable", wait);
    default:
      if (status >= 500)
        return refuse(Errc::unavailable, asked, code + ": the server failed", wait);
      if (status >= 400)
        return refuse(Errc::unavailable, asked, code + ": the server refuses the request", wait);
      return refuse(Errc::unavailable, asked, code + " instead of the file", wait);
  }
}

}  // namespace

Judgement judge(const AnswerHead& head, const Asked& asked, Timestamp now) {
  switch (head.status()) {
    case 200:
    case 206:
      return judge_body(head, asked, now);
    case 301:
    case 302:
    case 303:
    case 307:
    case 308: {
      Judgement judgement;
      judgement.location = head.find("location").value_or("");
      if (judgement.location.empty())
        return refuse(Errc::unavailable, asked,
                      std::to_string(head.status()) + " redirect without a Location");
      judgement.kind = Kind::redirect;
      return judgement;
    }
    case 416:
      if (asked.offset != ByteCount()) return ask_again_or_refuse(asked, "416: no such range");
      return judge_failure(head, asked, now);
    default:
      return judge_failure(head, asked, now);
  }
}

}  // namespace reelkeep::curl
