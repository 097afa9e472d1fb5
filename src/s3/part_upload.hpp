#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "s3/answers.hpp"
#include "s3/client.hpp"
#include "s3/staged_file.hpp"

namespace reelkeep::s3 {

/// The parts of one multipart upload. The calling thread reads the file once, hashing the whole and
/// each part from the same buffer; three others send the parts behind it, so that the second read
/// comes from the page cache. A part that the server already holds is believed only by its own
/// checksum or ETag (which is the MD5 of a part, but where the server encrypts: then it is sent
/// again).
class PartUpload {
 public:
  PartUpload(Client& client, const StagedFile& file, const std::string& key, ByteCount part_size)
      : m_client(client), m_file(file), m_key(key), m_part_size(part_size) {}

  /// A new upload.
  void begin(std::string id, bool has_checksums);
  /// An upload that an earlier run began. Errc::not_found: there is none of that id any more.
  Status resume(const std::string& id);
  /// All parts are at the server; the digest of the whole.
  Result<Digest> run();

  [[nodiscard]] const std::string& id() const noexcept { return m_id; }
  /// After run().
  [[nodiscard]] const std::map<std::uint32_t, StoredPart>& stored() const noexcept {
    return m_stored;
  }

 private:
  struct Piece {
    std::uint32_t number = 0;
    ByteCount offset;
    ByteCount size;
    Digest digest;
  };
  Result<Digest> hash_all();
  void offer(Piece piece);
  void send_loop();
  Result<StoredPart> send(const Piece& piece);
  void fail(const Error& error);
  [[nodiscard]] bool failed();

  Client& m_client;
  const StagedFile& m_file;
  const std::string& m_key;
  const ByteCount m_part_size;
  std::string m_id;                            // constant during run()
  bool m_checksums = false;                    // constant during run()
  std::map<std::uint32_t, StoredPart> m_held;  // calling thread; what the server had before

  std::mutex m_mutex;
  std::condition_variable m_changed;
  std::deque<Piece> m_waiting;                   // guarded by m_mutex
  std::map<std::uint32_t, StoredPart> m_stored;  // guarded by m_mutex
  std::optional<Error> m_error;                  // guarded by m_mutex
  bool m_all_offered = false;                    // guarded by m_mutex
};

}  // namespace reelkeep::s3
