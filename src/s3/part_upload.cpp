#include "s3/part_upload.hpp"

#include <algorithm>
#include <thread>
#include <vector>

#include "reelkeep/base/text.hpp"

#include "crypto/md5.hpp"

namespace reelkeep::s3 {
namespace {

constexpr std::size_t k_senders = 3;
/// Hashed parts that wait for a sender; further ahead the page cache might have lost them.
constexpr std::size_t k_ahead = 2;
constexpr std::size_t k_read_bytes = 1U << 20U;

std::string base64(const Digest& digest) {
  return text::to_base64({reinterpret_cast<const char*>(digest.bytes.data()), digest.bytes.size()});
}

}  // namespace

void PartUpload::begin(std::string id, bool has_checksums) {
  m_id = std::move(id);
  m_checksums = has_checksums;
}

Status PartUpload::resume(const std::string& id) {
  Pairs query{{"uploadId", id}};
  std::map<std::uint32_t, StoredPart> held;
  bool has_checksums = false;
  for (;;) {
    REELKEEP_ASSIGN(const HttpAnswer answer, m_client.call(Call{.key = m_key, .query = query}));
    REELKEEP_ASSIGN(const PartPage page, parse_parts(answer.body));
    held.insert(page.parts.begin(), page.parts.end());
    has_checksums = page.has_checksums;
    if (!page.next || page.parts.empty()) break;
    query = {{"uploadId", id}, {"part-number-marker", *page.next}};
  }
  begin(id, has_checksums);
  m_held = std::move(held);
  return {};
}

Result<Digest> PartUpload::run() {
  std::vector<std::jthread> senders;
  const std::uint64_t count = (m_file.size().get() + m_part_size.get() - 1) / m_part_size.get();
  for (std::size_t i = 0; i < std::min<std::uint64_t>(k_senders, count); ++i)
    senders.emplace_back([this] { send_loop(); });
  Result<Digest> whole = hash_all();
  if (!whole) fail(whole.error());
  {
    const std::lock_guard lock(m_mutex);
    m_all_offered = true;
  }
  m_changed.notify_all();
  senders.clear();
  if (m_error) return *m_error;
  return whole;
}

Result<Digest> PartUpload::hash_all() {
  std::vector<std::byte> buffer(k_read_bytes);
  Sha256 whole;
  std::uint32_t number = 0;
  for (ByteCount offset; offset < m_file.size();) {
    Piece piece{++number, offset, std::min(m_part_size, m_file.size() - offset), {}};
    const auto held = m_held.find(number);
    const bool compare = held != m_held.end() && held->second.size == piece.size;
    Sha256 part;
    Md5 md5;
    REELKEEP_TRY(m_file.read_through(
        piece.offset, piece.size, buffer, [this] { return m_client.interrupted() || failed(); },
        [&](std::span<const std::byte> bytes) {
          whole.update(bytes);
          part.update(bytes);
          if (compare) md5.update(bytes);
        }));
    piece.digest = part.finish();
    const bool same = compare && (held->second.checksum.empty()
                                      ? !m_checksums && held->second.etag == md5.finish()
                                      : held->second.checksum == base64(piece.digest));
    if (same) {
      const std::lock_guard lock(m_mutex);
      m_stored[number] = held->second;
    } else {
      offer(piece);
    }
    offset += piece.size;
  }
  return whole.finish();
}

void PartUpload::offer(Piece piece) {
  std::unique_lock lock(m_mutex);
  m_changed.wait(lock, [this] { return m_waiting.size() < k_ahead || m_error; });
  m_waiting.push_back(piece);
  lock.unlock();
  m_changed.notify_all();
}

void PartUpload::send_loop() {
  for (;;) {
    std::unique_lock lock(m_mutex);
    m_changed.wait(lock, [this] { return !m_waiting.empty() || m_all_offered || m_error; });
    if (m_error || m_waiting.empty()) return;
    const Piece piece = m_waiting.front();
    m_waiting.pop_front();
    lock.unlock();
    m_changed.notify_all();
    auto sent = send(piece);
    if (!sent) return fail(sent.error());
    lock.lock();
    m_stored[piece.number] = *std::move(sent);
  }
}

Result<StoredPart> PartUpload::send(const Piece& piece) {
  Call call{.method = "PUT",
            .key = m_key,
            .query = {{"partNumber", std::to_string(piece.number)}, {"uploadId", m_id}},
            .body_source =
                [&](ByteCount offset, std::span<std::byte> into) {
                  return m_file.read_at(piece.offset + offset, into);
                },
            .body_size = piece.size,
            .body_digest = piece.digest};
  if (m_checksums) call.headers.emplace_back("x-amz-checksum-sha256", base64(piece.digest));
  REELKEEP_ASSIGN(const HttpAnswer answer, m_client.call(call));
  StoredPart stored{piece.size, answer.header("etag").value_or(""),
                    m_checksums ? base64(piece.digest) : ""};
  std::erase(stored.etag, '"');
  if (stored.etag.empty())
    return Error{Errc::unavailable, "the server stored a part without saying its ETag"};
  return stored;
}

void PartUpload::fail(const Error& error) {
  {
    const std::lock_guard lock(m_mutex);
    if (!m_error) m_error = error;
  }
  m_changed.notify_all();
}

bool PartUpload::failed() {
  const std::lock_guard lock(m_mutex);
  return m_error.has_value();
}

}  // namespace reelkeep::s3
