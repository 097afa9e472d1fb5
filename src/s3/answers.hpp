#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "reelkeep/base/byte_count.hpp"
#include "reelkeep/base/result.hpp"
#include "reelkeep/base/time.hpp"

/// The XML of S3 answers. Pure; whatever the text is, nothing worse than Errc::unavailable comes of
/// it.
namespace reelkeep::s3 {

/// `<Error>`.
struct Refusal {
  std::string code;     ///< "NoSuchBucket"
  std::string message;  ///< the server's own words
  std::string region;   ///< the right one, where the server says it
};
/// Nothing: the body is no error document (nor empty).
std::optional<Refusal> parse_refusal(std::string_view body);

/// An incomplete multipart upload.
struct OpenUpload {
  std::string key;
  std::string id;
  Timestamp begun{};
};
struct UploadPage {
  std::vector<OpenUpload> uploads;
  std::optional<OpenUpload> next;  ///< key and id markers of the next page
};
Result<UploadPage> parse_uploads(std::string_view body);

/// A part that the server holds.
struct StoredPart {
  ByteCount size;
  std::string etag;      ///< without quotes
  std::string checksum;  ///< SHA-256, base64; empty: the server does not say
};
struct PartPage {
  std::map<std::uint32_t, StoredPart> parts;
  bool has_checksums = false;       ///< the upload was begun with SHA-256 checksums
  std::optional<std::string> next;  ///< part-number-marker of the next page
};
Result<PartPage> parse_parts(std::string_view body);

/// UploadId of a begun multipart upload.
Result<std::string> parse_begun_upload(std::string_view body);

/// ETag of a part that was copied.
Result<std::string> parse_copied_part(std::string_view body);
/// An object was copied: an answer that begins as a success may end as an error.
Status parse_copied_object(std::string_view body);

/// The first key of a listing; nothing: there is none.
Result<std::optional<std::string>> parse_first_key(std::string_view body);

/// The body that completes an upload, in order of the part numbers.
std::string completion(const std::map<std::uint32_t, StoredPart>& parts);

}  // namespace reelkeep::s3
