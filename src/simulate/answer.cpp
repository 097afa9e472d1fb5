#include "simulate/answer.hpp"

#include <array>
#include <chrono>
#include <cstdio>
#include <utility>

#include "crypto/sha256.hpp"

namespace reelkeep::simulate {
namespace {

using Kind = Failure::Kind;

constexpr std::string_view k_sign_in =
    "<!DOCTYPE html>\n<html><head><title>Sign in</title></head>\n"
    "<body><h1>Please sign in</h1></body></html>\n";

struct Validators {
  std::string etag;      ///< empty: none
  std::string modified;  ///< empty: none

  /// Whether a Range may be honoured (RFC 9110 13.1.5: strong comparison only).
  [[nodiscard]] bool agree(const std::string* if_range) const {
    if (if_range == nullptr) return true;
    if (if_range->starts_with('"')) return *if_range == etag;
    return !if_range->starts_with("W/") && !modified.empty() && *if_range == modified;
  }
};

Validators validators_of(const SimulatedFile& file, Timestamp modified, bool earlier_version) {
  if (file.failure(Kind::no_validator) != nullptr) return {};
  const std::string identity =
      file.seed + (earlier_version ? "/earlier/" : "/") + std::to_string(file.size.get());
  const std::string tag = '"' + sha256(identity).hex().substr(0, 16) + '"';
  if (file.failure(Kind::weak_etag) != nullptr) return {"W/" + tag, {}};
  return {tag, http_date(earlier_version ? modified - std::chrono::minutes(1) : modified)};
}

http::Response answer_status(const Failure& failure) {
  http::Response response =
      http::text_response(failure.status, "simulated failure " + std::to_string(failure.status));
  if (failure.status == 429 || failure.status == 503)
    response.headers.emplace_back("Retry-After", std::to_string(failure.retry_after.count()));
  return response;
}

http::Response whole_body(std::string_view content_type, std::string_view body) {
  return {.headers = {{"Content-Type", std::string(content_type)}}, .body = std::string(body)};
}

/// The host of the request under another name where loopback has two, so that a client sees another
/// host; else the same host.
http::Response answer_redirect(const FileRequest& asked) {
  const std::string* host = asked.request.header("host");
  std::string other = host == nullptr ? "localhost" : *host;
  constexpr std::string_view k_loopback = "127.0.0.1";
  if (other.starts_with(k_loopback)) other.replace(0, k_loopback.size(), "localhost");
  const auto path = asked.request.target.substr(0, asked.request.target.find('?'));
  http::Response response = http::text_response(302, "moved");
  response.headers.emplace_back("Location", std::string(asked.scheme) + "://" + other + path + "?" +
                                                std::string(k_signed_query));
  return response;
}

/// An answer that needs no look at the file's bytes; nothing: go on.
std::optional<http::Response> refusal(const SimulatedFile& file, const FileRequest& asked) {
  if (const Failure* status = file.failure(Kind::status, asked.earlier))
    return answer_status(*status);
  if (!asked.redirected && file.failure(Kind::redirect, asked.earlier) != nullptr)
    return answer_redirect(asked);
  if (file.failure(Kind::html, asked.earlier) != nullptr)
    return whole_body("text/html; charset=utf-8", k_sign_in);
  if (file.failure(Kind::json, asked.earlier) != nullptr)
    return whole_body("application/json",
                      R"({"result": 4004, "error": "not ready", "desc": "simulated"})");
  if (file.failure(Kind::empty, asked.earlier) != nullptr)
    return whole_body(media::content_type(file.format), {});
  return std::nullopt;
}

std::uint64_t part_of(std::uint64_t size, double share) {
  return static_cast<std::uint64_t>(static_cast<double>(size) * share);
}

http::BodyStream stream_of(media::SyntheticMedia bytes, std::uint64_t first, std::uint64_t length) {
  http::BodyStream stream;
  stream.length = length;
  stream.fill = [bytes = std::move(bytes), first](std::uint64_t offset, std::span<char> buffer) {
    return bytes.fill(ByteCount(first + offset), std::as_writable_bytes(buffer));
  };
  return stream;
}

}  // namespace

http::Response answer_file(const SimulatedFile& file, Timestamp modified,
                           const FileRequest& asked) {
  if (auto refused = refusal(file, asked)) return *std::move(refused);
  const bool earlier_version = file.failure(Kind::changed, asked.earlier) != nullptr;
  const Validators validators = validators_of(file, modified, earlier_version);
  std::uint64_t size = file.size.get();
  if (const Failure* shorten = file.failure(Kind::shorten, asked.earlier))
    size = part_of(size, shorten->share);

  http::RequestedRange range;
  const bool ranges = file.failure(Kind::no_ranges) == nullptr;
  const std::string* wanted = asked.request.header("range");
  if (ranges && wanted != nullptr && validators.agree(asked.request.header("if-range")))
    range = http::parse_range(*wanted, size);

  http::Response response;
  response.headers.emplace_back("Content-Type", media::content_type(file.format));
  if (ranges) response.headers.emplace_back("Accept-Ranges", "bytes");
  if (!validators.etag.empty()) response.headers.emplace_back("ETag", validators.etag);
  if (!validators.modified.empty())
    response.headers.emplace_back("Last-Modified", validators.modified);
  if (file.failure(Kind::gzip, asked.earlier) != nullptr)
    response.headers.emplace_back("Content-Encoding", "gzip");

  const std::string of = "/" + std::to_string(size);
  http::ByteRange bytes{0, size - 1};
  if (range.kind == http::RangeKind::unsatisfiable) {
    response.status = 416;
    response.headers.emplace_back("Content-Range", "bytes *" + of);
    return response;
  }
  if (range.kind == http::RangeKind::part) {
    bytes = range.bytes;
    response.status = 206;
    response.headers.emplace_back("Content-Range", "bytes " + std::to_string(bytes.first) + "-" +
                                                       std::to_string(bytes.last) + of);
  }
  if (size == 0) return response;
  response.stream = stream_of(earlier_version ? file.earlier_media() : file.media(), bytes.first,
                              bytes.last - bytes.first + 1);
  if (const Failure* slow = file.failure(Kind::slow, asked.earlier))
    response.stream->bytes_per_second = slow->rate.get();
  if (const Failure* cut = file.failure(Kind::truncate, asked.earlier))
    response.stream->cut_after = part_of(response.stream->length, cut->share);
  if (const Failure* stall = file.failure(Kind::stall, asked.earlier)) {
    response.stream->cut_after = part_of(response.stream->length, stall->share);
    response.stream->at_cut = http::AtCut::stall;
  }
  return response;
}

std::string http_date(Timestamp time) {
  constexpr std::array k_days = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr std::array k_months = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(std::chrono::floor<std::chrono::seconds>(time - day));
  std::array<char, 48> buffer{};
  std::snprintf(buffer.data(), buffer.size(), "%s, %02u %s %04d %02d:%02d:%02d GMT",
                k_days[std::chrono::weekday(day).c_encoding()], static_cast<unsigned>(date.day()),
                k_months[static_cast<unsigned>(date.month()) - 1], static_cast<int>(date.year()),
                static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                static_cast<int>(clock.seconds().count()));
  return buffer.data();
}

}  // namespace reelkeep::simulate
