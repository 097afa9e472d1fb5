#pragma once

#include <atomic>
#include <string>
#include <vector>

#include "s3/answers.hpp"
#include "s3/client.hpp"
#include "s3/staged_file.hpp"
#include "s3/upload_records.hpp"

namespace reelkeep::s3 {

/// From here on an object is uploaded in parts.
inline constexpr ByteCount k_single_put_below = 16_MiB;
inline constexpr std::uint64_t k_most_parts = 10'000;
inline constexpr ByteCount k_largest_object = ByteCount(5ULL << 40U);

/// What objects are given besides their bytes.
struct ObjectOptions {
  std::string storage_class;           ///< empty: the bucket's own
  std::string server_side_encryption;  ///< "AES256", "aws:kms"; empty: the bucket's own
};

/// What a server turned out not to understand; found out by trying. Any thread.
struct Dialect {
  std::atomic<bool> checksums = true;   ///< x-amz-checksum-sha256
  std::atomic<bool> conditions = true;  ///< If-None-Match: *
};

/// Name of the user metadata that holds the hex SHA-256 of the whole object.
inline constexpr const char* k_digest_header = "x-amz-meta-sha256";

/// Of an object of this size: at least 16 MiB, whole MiB, at most 10,000 of them.
[[nodiscard]] ByteCount part_size(ByteCount size);

/// Brings the bytes of one staged file to one key. One use, one thread; borrows everything.
/// Whatever is sent was hashed before, the server checks each part against its digest, and nothing
/// becomes an object before the whole has the digest that was received.
class Upload {
 public:
  Upload(Client& client, const ObjectOptions& options, Dialect& dialect, UploadRecords& records,
         const StagedFile& file, std::string key, const Digest& digest)
      : m_client(client),
        m_options(options),
        m_dialect(dialect),
        m_records(records),
        m_file(file),
        m_key(std::move(key)),
        m_digest(digest) {}

  /// Errc::corrupt: the staged bytes are not those of `digest`. Errc::conflict: there is an object
  /// under that key already. After any other error a later run goes on with the parts that the
  /// server holds.
  Status run();

 private:
  Status put_whole();
  Status put_in_parts();
  [[nodiscard]] Pairs object_headers() const;

  Client& m_client;
  const ObjectOptions& m_options;
  Dialect& m_dialect;
  UploadRecords& m_records;
  const StagedFile& m_file;
  const std::string m_key;
  const Digest& m_digest;
};

/// Incomplete uploads whose keys begin with `prefix`.
Result<std::vector<OpenUpload>> list_uploads(Client& client, const std::string& prefix);
/// Absent is success.
Status abort_upload(Client& client, const std::string& key, const std::string& id);

}  // namespace reelkeep::s3
