#include "s3/copy.hpp"

#include <algorithm>
#include <array>
#include <iterator>

#include "reelkeep/base/text.hpp"

#include "crypto/sha256.hpp"
#include "s3/answers.hpp"
#include "s3/upload.hpp"

namespace reelkeep::s3 {
namespace {

/// A server copies at its own pace and answers at the end.
constexpr Duration k_copying = std::chrono::minutes(30);

Pairs source_headers(const Client& client, const std::string& from, const std::string& etag) {
  Pairs headers{{"x-amz-copy-source", encoded_path("/" + client.bucket().bucket + "/" + from)}};
  if (!etag.empty()) headers.emplace_back("x-amz-copy-source-if-match", etag);
  return headers;
}

constexpr std::array k_described_by{"content-type",     "content-encoding", "content-disposition",
                                    "content-language", "cache-control",    "expires"};

/// What CopyObject would take along by itself, and where it came from.
Result<Pairs> metadata_of(Client& client, const std::string& key) {
  REELKEEP_ASSIGN(const HttpAnswer answer, client.call(Call{.method = "HEAD", .key = key}));
  Pairs headers;
  for (const auto& [name, value] : answer.headers)
    if (std::ranges::find(k_described_by, name) != k_described_by.end() ||
        (name.starts_with("x-amz-meta-") && name != k_moved_header))
      headers.emplace_back(name, value);
  headers.emplace_back(k_moved_header, moved_from(key));
  return headers;
}

Status copy_in_parts(Client& client, const std::string& from, const std::string& to, ByteCount size,
                     const std::string& etag, ByteCount part, const std::string& upload) {
  std::map<std::uint32_t, StoredPart> parts;
  std::uint32_t number = 0;
  for (ByteCount offset; offset < size; offset += part) {
    const ByteCount length = std::min(part, size - offset);
    Pairs headers = source_headers(client, from, etag);
    headers.emplace_back("x-amz-copy-source-range",
                         "bytes=" + std::to_string(offset.get()) + "-" +
                             std::to_string(offset.get() + length.get() - 1));
    ++number;
    REELKEEP_ASSIGN(
        const HttpAnswer answer,
        client.call(Call{.method = "PUT",
                         .key = to,
                         .query = {{"partNumber", std::to_string(number)}, {"uploadId", upload}},
                         .headers = std::move(headers),
                         .timeout = k_copying}));
    REELKEEP_ASSIGN(std::string part_etag, parse_copied_part(answer.body));
    parts[number] = StoredPart{length, std::move(part_etag), ""};
  }
  REELKEEP_ASSIGN(const HttpAnswer completed,
                  client.call(Call{.method = "POST",
                                   .key = to,
                                   .query = {{"uploadId", upload}},
                                   .headers = {{"content-type", "application/xml"}},
                                   .body = completion(parts),
                                   .timeout = k_copying}));
  if (text::trim(completed.body).empty())
    return Error{Errc::unavailable, "the server did not say that the copy is complete"};
  return {};
}

}  // namespace

std::string moved_from(const std::string& key) {
  return sha256(key).hex();
}

Status copy_object(Client& client, const std::string& from, const std::string& to, ByteCount size,
                   const std::string& etag, ByteCount in_parts_above, ByteCount part) {
  REELKEEP_ASSIGN(Pairs headers, metadata_of(client, from));
  if (size <= in_parts_above) {
    std::ranges::move(source_headers(client, from, etag), std::back_inserter(headers));
    headers.emplace_back("x-amz-metadata-directive", "REPLACE");
    REELKEEP_ASSIGN(
        const HttpAnswer answer,
        client.call(
            Call{.method = "PUT", .key = to, .headers = std::move(headers), .timeout = k_copying}));
    return parse_copied_object(answer.body);
  }
  REELKEEP_ASSIGN(
      const HttpAnswer begun,
      client.call(
          Call{.method = "POST", .key = to, .query = {{"uploads", ""}}, .headers = headers}));
  REELKEEP_ASSIGN(const std::string upload, parse_begun_upload(begun.body));
  Status copied = copy_in_parts(client, from, to, size, etag, part, upload);
  if (!copied) (void)abort_upload(client, to, upload).has_value();
  return copied;
}

}  // namespace reelkeep::s3
