#include "s3/upload.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "reelkeep/base/text.hpp"

#include "s3/answers.hpp"
#include "s3/part_upload.hpp"

namespace reelkeep::s3 {
namespace {

constexpr std::size_t k_read_bytes = 1U << 20U;
/// A server may take its time to put the parts together.
constexpr Duration k_completing = std::chrono::minutes(10);

std::string base64(const Digest& digest) {
  return text::to_base64({reinterpret_cast<const char*>(digest.bytes.data()), digest.bytes.size()});
}

Error other_bytes(const Digest& found, const Digest& wanted) {
  return Error{Errc::corrupt, "the staged bytes are not those that were received (SHA-256 " +
                                  found.hex() + " instead of " + wanted.hex() + ")"};
}

/// Calls again without what a server may refuse because it does not know it; what helped is
/// remembered.
template <class Make>
Result<HttpAnswer> call_in_dialect(Client& client, Dialect& dialect, const Make& make) {
  const bool knows_checksums = dialect.checksums;
  const bool knows_conditions = dialect.conditions;
  auto answer = client.call(make(knows_checksums, knows_conditions));
  const auto refused = [&] { return !answer && answer.error().code == Errc::invalid; };
  const auto fall_back = [&](bool checksums, bool conditions) {
    answer = client.call(make(checksums, conditions));
    if (refused()) return;
    dialect.checksums = checksums;
    dialect.conditions = conditions;
  };
  if (refused() && knows_checksums) fall_back(false, knows_conditions);
  if (refused() && knows_conditions) fall_back(knows_checksums, false);
  if (refused() && knows_checksums && knows_conditions) fall_back(false, false);
  return answer;
}

}  // namespace

ByteCount part_size(ByteCount size) {
  const std::uint64_t mib = (1_MiB).get();
  const std::uint64_t least = (size.get() + k_most_parts - 1) / k_most_parts;
  return std::max(k_single_put_below, ByteCount((least + mib - 1) / mib * mib));
}

Pairs Upload::object_headers() const {
  Pairs headers{{"content-type", "application/octet-stream"}, {k_digest_header, m_digest.hex()}};
  if (!m_options.storage_class.empty())
    headers.emplace_back("x-amz-storage-class", m_options.storage_class);
  if (!m_options.server_side_encryption.empty())
    headers.emplace_back("x-amz-server-side-encryption", m_options.server_side_encryption);
  return headers;
}

Status Upload::run() {
  if (m_file.size() > k_largest_object)
    return Error{Errc::invalid,
                 "S3 objects have at most 5 TiB, this one would have " + to_string(m_file.size())};
  return m_file.size() < k_single_put_below ? put_whole() : put_in_parts();
}

Status Upload::put_whole() {
  std::vector<std::byte> buffer(std::min<std::size_t>(k_read_bytes, m_file.size().get() + 1));
  Sha256 hash;
  REELKEEP_TRY(m_file.read_through(
      {}, m_file.size(), buffer, [&] { return m_client.interrupted(); },
      [&](auto bytes) { hash.update(bytes); }));
  if (const Digest found = hash.finish(); found != m_digest) return other_bytes(found, m_digest);
  const Pairs headers = object_headers();
  REELKEEP_ASSIGN(const HttpAnswer answer,
                  call_in_dialect(m_client, m_dialect, [&](bool checksums, bool conditions) {
                    Call call{
                        .method = "PUT", .key = m_key, .headers = headers, .body_digest = m_digest};
                    if (m_file.size().get() > 0)
                      call.body_source = [this](ByteCount offset, std::span<std::byte> into) {
                        return m_file.read_at(offset, into);
                      };
                    call.body_size = m_file.size();
                    if (checksums)
                      call.headers.emplace_back("x-amz-checksum-sha256", base64(m_digest));
                    if (conditions) call.headers.emplace_back("if-none-match", "*");
                    return call;
                  }));
  if (const auto checksum = answer.header("x-amz-checksum-sha256");
      checksum && *checksum != base64(m_digest))
    return Error{Errc::unavailable, "the server says that it stored other bytes than were sent"};
  return {};
}

Status Upload::put_in_parts() {
  const Pairs headers = object_headers();
  PartUpload parts(m_client, m_file, m_key, part_size(m_file.size()));

  // What an interrupted run of ours left: the newest upload is gone on with, older ones are in
  // nobody's use.
  REELKEEP_ASSIGN(std::vector<OpenUpload> open, list_uploads(m_client, m_key));
  std::erase_if(open, [&](const OpenUpload& one) { return one.key != m_key; });
  std::sort(open.begin(), open.end(),
            [](const OpenUpload& a, const OpenUpload& b) { return a.begun < b.begun; });
  bool resumed = false;
  for (; !open.empty(); open.pop_back()) {
    REELKEEP_ASSIGN(const bool ours, m_records.knows(m_key, open.back().id));
    if (!ours) continue;
    if (resumed) {
      REELKEEP_TRY(abort_upload(m_client, m_key, open.back().id));
      m_records.forget(m_key, open.back().id);
      continue;
    }
    Status taken = parts.resume(open.back().id);
    if (!taken && taken.error().code != Errc::not_found) return taken;
    resumed = taken.has_value();
  }
  if (!resumed) {
    REELKEEP_ASSIGN(
        const HttpAnswer begun, call_in_dialect(m_client, m_dialect, [&](bool checksums, bool) {
          Call call{.method = "POST", .key = m_key, .query = {{"uploads", ""}}, .headers = headers};
          if (checksums) call.headers.emplace_back("x-amz-checksum-algorithm", "SHA256");
          return call;
        }));
    REELKEEP_ASSIGN(const std::string id, parse_begun_upload(begun.body));
    if (Status noted = m_records.note(m_key, id); !noted) {
      (void)abort_upload(m_client, m_key, id).has_value();
      return noted;
    }
    parts.begin(id, begun.header("x-amz-checksum-algorithm") == "SHA256");
  }

  REELKEEP_ASSIGN(const Digest found, parts.run());
  if (found != m_digest) {
    if (abort_upload(m_client, m_key, parts.id())) m_records.forget(m_key, parts.id());
    return other_bytes(found, m_digest);
  }
  REELKEEP_ASSIGN(const HttpAnswer completed,
                  call_in_dialect(m_client, m_dialect, [&](bool, bool conditions) {
                    Call call{.method = "POST",
                              .key = m_key,
                              .query = {{"uploadId", parts.id()}},
                              .headers = {{"content-type", "application/xml"}},
                              .body = completion(parts.stored()),
                              .timeout = k_completing};
                    if (conditions) call.headers.emplace_back("if-none-match", "*");
                    return call;
                  }));
  if (text::trim(completed.body).empty())
    return Error{Errc::unavailable, "the server did not say that the upload is complete"};
  m_records.forget(m_key, parts.id());
  return {};
}

Result<std::vector<OpenUpload>> list_uploads(Client& client, const std::string& prefix) {
  std::vector<OpenUpload> all;
  Pairs query{{"uploads", ""}, {"prefix", prefix}};
  for (;;) {
    auto answer = client.call(Call{.query = query});
    if (!answer) return answer.error().within("cannot list unfinished uploads");
    REELKEEP_ASSIGN(UploadPage page, parse_uploads(answer->body));
    all.insert(all.end(), page.uploads.begin(), page.uploads.end());
    if (!page.next || page.uploads.empty()) return all;
    query = {{"uploads", ""},
             {"prefix", prefix},
             {"key-marker", page.next->key},
             {"upload-id-marker", page.next->id}};
  }
}

Status abort_upload(Client& client, const std::string& key, const std::string& id) {
  auto answer = client.call(Call{.method = "DELETE", .key = key, .query = {{"uploadId", id}}});
  if (answer || answer.error().code == Errc::not_found) return {};
  return answer.error().within("cannot abort an unfinished upload");
}

}  // namespace reelkeep::s3
