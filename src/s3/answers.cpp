// The only file that includes pugixml.
#include "s3/answers.hpp"

#include <pugixml.hpp>

#include "reelkeep/base/text.hpp"

namespace reelkeep::s3 {
namespace {

/// The root element of that name. Nothing that a server sends nests deep enough to matter: the
/// parser does not recurse.
Result<pugi::xml_node> root_of(pugi::xml_document& document, std::string_view body,
                               const char* name) {
  // A server that takes its time sends spaces first, to keep the connection.
  body = text::trim(body);
  const auto parsed =
      document.load_buffer(body.data(), body.size(), pugi::parse_default, pugi::encoding_utf8);
  if (const pugi::xml_node root = document.child(name); parsed && root) return root;
  return Error{Errc::unavailable, "the server's answer is no " + std::string(name)};
}

std::string child(const pugi::xml_node& node, const char* name) {
  return node.child(name).child_value();
}

bool is_truncated(const pugi::xml_node& root) {
  return child(root, "IsTruncated") == "true";
}

std::string unquoted(std::string etag) {
  std::erase(etag, '"');
  return etag;
}

}  // namespace

std::optional<Refusal> parse_refusal(std::string_view body) {
  pugi::xml_document document;
  const auto root = root_of(document, body, "Error");
  if (!root) return std::nullopt;
  Refusal refusal{child(*root, "Code"), child(*root, "Message"), child(*root, "Region")};
  return refusal;
}

Result<UploadPage> parse_uploads(std::string_view body) {
  pugi::xml_document document;
  REELKEEP_ASSIGN(const pugi::xml_node root, root_of(document, body, "ListMultipartUploadsResult"));
  UploadPage page;
  for (const pugi::xml_node& node : root.children("Upload"))
    page.uploads.push_back(
        OpenUpload{child(node, "Key"), child(node, "UploadId"),
                   parse_rfc3339(child(node, "Initiated")).value_or(Timestamp::max())});
  if (is_truncated(root))
    page.next = OpenUpload{child(root, "NextKeyMarker"), child(root, "NextUploadIdMarker"), {}};
  return page;
}

Result<PartPage> parse_parts(std::string_view body) {
  pugi::xml_document document;
  REELKEEP_ASSIGN(const pugi::xml_node root, root_of(document, body, "ListPartsResult"));
  PartPage page;
  page.has_checksums = child(root, "ChecksumAlgorithm") == "SHA256";
  for (const pugi::xml_node& node : root.children("Part"))
    page.parts[node.child("PartNumber").text().as_uint()] =
        StoredPart{ByteCount(node.child("Size").text().as_ullong()), unquoted(child(node, "ETag")),
                   child(node, "ChecksumSHA256")};
  if (is_truncated(root)) page.next = child(root, "NextPartNumberMarker");
  return page;
}

Result<std::string> parse_begun_upload(std::string_view body) {
  pugi::xml_document document;
  REELKEEP_ASSIGN(const pugi::xml_node root,
                  root_of(document, body, "InitiateMultipartUploadResult"));
  std::string id = child(root, "UploadId");
  if (id.empty()) return Error{Errc::unavailable, "the server began an upload without an id"};
  return id;
}

Result<std::string> parse_copied_part(std::string_view body) {
  pugi::xml_document document;
  REELKEEP_ASSIGN(const pugi::xml_node root, root_of(document, body, "CopyPartResult"));
  std::string etag = unquoted(child(root, "ETag"));
  if (etag.empty()) return Error{Errc::unavailable, "the server copied a part without an ETag"};
  return etag;
}

Status parse_copied_object(std::string_view body) {
  pugi::xml_document document;
  REELKEEP_TRY(root_of(document, body, "CopyObjectResult"));
  return {};
}

Result<std::optional<std::string>> parse_first_key(std::string_view body) {
  pugi::xml_document document;
  REELKEEP_ASSIGN(const pugi::xml_node root, root_of(document, body, "ListBucketResult"));
  const pugi::xml_node first = root.child("Contents");
  if (!first) return std::optional<std::string>();
  return std::optional<std::string>(child(first, "Key"));
}

std::string completion(const std::map<std::uint32_t, StoredPart>& parts) {
  std::string body = "<CompleteMultipartUpload>";
  for (const auto& [number, part] : parts) {
    body += "<Part>";
    if (!part.checksum.empty()) body += "<ChecksumSHA256>" + part.checksum + "</ChecksumSHA256>";
    // Hex and a dash; nothing that XML would need to have escaped may get in.
    std::string etag = part.etag;
    std::erase_if(etag, [](char c) { return c == '<' || c == '>' || c == '&'; });
    body += "<ETag>\"" + etag + "\"</ETag><PartNumber>" + std::to_string(number) +
            "</PartNumber></Part>";
  }
  return body + "</CompleteMultipartUpload>";
}

}  // namespace reelkeep::s3
