#include "s3/s3_store.hpp"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <map>
#include <mutex>
#include <thread>
#include <unistd.h>

#include "reelkeep/base/log.hpp"
#include "reelkeep/base/text.hpp"

#include "crypto/secure.hpp"
#include "s3/key_turns.hpp"
#include "s3/object_name.hpp"

namespace reelkeep::s3 {
namespace {

constexpr int k_most_names = 100;
constexpr std::size_t k_small_at_once = 4;
constexpr auto k_abandoned_after = std::chrono::hours(24 * 7);

class S3Store final : public Store {
 public:
  S3Store(StoreId id, HttpClient& http, const Clock& clock, S3StoreOptions options)
      : m_id(std::move(id)),
        m_prefix(std::move(options.prefix)),
        m_objects(std::move(options.objects)),
        m_client(http, clock, std::move(options.bucket), std::move(options.access)) {}

  [[nodiscard]] const StoreId& id() const override { return m_id; }

  Result<std::string> open(const std::string& expected_root) override {
    auto opened = adopt(expected_root);
    {
      const std::lock_guard lock(m_mutex);
      m_root = opened ? *opened : "";
    }
    if (!opened) return opened.error();
    if (!m_swept.exchange(true)) sweep();
    return opened;
  }

  Status attach(const std::string& expected_root) override {
    if (expected_root.empty())
      return Error{Errc::unavailable, "no archive was ever made at " + location("")};
    REELKEEP_ASSIGN(std::string found, adopt(expected_root));
    const std::lock_guard lock(m_mutex);
    m_root = std::move(found);
    return {};
  }

  Status ready() override {
    std::string root;
    {
      const std::lock_guard lock(m_mutex);
      root = m_root;
    }
    if (root.empty()) return Error{Errc::unavailable, "it is not open"};
    REELKEEP_ASSIGN(const std::string found, read_marker());
    if (found == root) return {};
    return Error{Errc::unavailable, "expected archive " + root + " at " + location("") +
                                        ", found " +
                                        (found.empty() ? "no " + marker() : "archive " + found) +
                                        " there: restore that object"};
  }

  std::vector<Result<Placed>> put(std::span<const PutRequest> requests) override {
    if (requests.empty()) return {};
    if (const Status status = ready(); !status)
      return std::vector<Result<Placed>>(requests.size(), Result<Placed>(status.error()));
    std::vector<Result<Placed>> results(requests.size(), Result<Placed>(Error{}));
    // Small ones cost round trips, so several go at a time; a large one uses its own threads.
    std::map<std::string, std::vector<std::size_t>> small;
    std::vector<std::size_t> large;
    for (std::size_t i = 0; i < requests.size(); ++i)
      (requests[i].size < k_single_put_below ? small[requests[i].path] : large).push_back(i);
    std::vector<const std::vector<std::size_t>*> groups;
    for (const auto& [path, members] : small) groups.push_back(&members);
    std::atomic<std::size_t> next = 0;
    const auto work = [&] {
      for (std::size_t g = next++; g < groups.size(); g = next++)
        for (const std::size_t i : *groups[g]) results[i] = put_one(requests[i]);
    };
    {
      std::vector<std::jthread> others;
      for (std::size_t i = 1; i < std::min(k_small_at_once, groups.size()); ++i)
        others.emplace_back(work);
      work();
    }
    for (const std::size_t i : large) results[i] = put_one(requests[i]);
    return results;
  }

  Result<Inspection> inspect(const std::string& path, ByteCount size, const Digest& digest,
                             Depth depth, const ReadSink& sink) override {
    REELKEEP_TRY(check_path(path));
    REELKEEP_TRY(ready());
    REELKEEP_ASSIGN(Inspection seen, look(path, size, digest, depth, sink));
    // What is not there because the whole archive went away meanwhile is not missing.
    if (seen.found != Inspection::Found::good) REELKEEP_TRY(ready());
    return seen;
  }

  Status read(const std::string& path, const ReadSink& sink) override {
    REELKEEP_TRY(check_path(path));
    REELKEEP_TRY(ready());
    auto found = read_back(m_prefix + path, sink);
    if (found) return {};
    if (found.error().code != Errc::not_found) return found.error();
    REELKEEP_TRY(ready());
    return Error{Errc::corrupt, "it does not exist"};
  }

  Status remove(const std::string& path) override {
    REELKEEP_TRY(check_path(path));
    REELKEEP_TRY(ready());
    auto answer = m_client.call(Call{.method = "DELETE", .key = m_prefix + path});
    if (answer || answer.error().code == Errc::not_found) return {};
    return answer.error().within("cannot remove " + location(path));
  }

  [[nodiscard]] std::string location(const std::string& path) const override {
    return "s3://" + m_client.bucket().bucket + "/" + m_prefix + path;
  }

  Result<ByteCount> free_space() override { return k_no_known_limit; }

  void interrupt() noexcept override { m_client.interrupt(); }

 private:
  struct Seen {
    ByteCount size;
    std::string digest;  ///< hex; empty: not one of ours
  };

  [[nodiscard]] std::string marker() const { return m_prefix + std::string(k_marker_name); }

  /// The id in the marker; empty: there is no marker.
  Result<std::string> read_marker() {
    auto answer = m_client.call(Call{.key = marker()});
    if (!answer && answer.error().code == Errc::not_found) return std::string();
    if (!answer) return answer.error();
    const std::string id(text::trim(answer->body));
    const bool whole = !id.empty() && id.size() < 256 &&
                       std::all_of(id.begin(), id.end(), [](char c) { return c > ' ' && c < 127; });
    if (whole) return id;
    return Error{Errc::unavailable, "s3://" + m_client.bucket().bucket + "/" + marker() +
                                        " is damaged: it has to hold the archive's id"};
  }

  Result<std::string> adopt(const std::string& expected) {
    REELKEEP_ASSIGN(std::string found, read_marker());
    if (found.empty() && !expected.empty())
      return Error{Errc::unavailable, "expected archive " + expected + " at " + location("") +
                                          ", found no " + marker() +
                                          " there: restore that object, or correct bucket and "
                                          "prefix"};
    if (found.empty()) {
      REELKEEP_TRY(claim());
      REELKEEP_ASSIGN(found, read_marker());
    }
    if (!expected.empty() && found != expected)
      return Error{Errc::unavailable, "expected archive " + expected + " at " + location("") +
                                          ", found archive " + found +
                                          ": correct bucket and prefix"};
    if (found.empty()) return Error{Errc::unavailable, marker() + " was written and is not there"};
    return found;
  }

  Status claim() {
    REELKEEP_ASSIGN(const HttpAnswer listed,
                    m_client.call(Call{
                        .query = {{"list-type", "2"}, {"max-keys", "1"}, {"prefix", m_prefix}}}));
    REELKEEP_ASSIGN(const auto first, parse_first_key(listed.body));
    if (first)
      return Error{Errc::unavailable, "expected nothing or an archive at " + location("") +
                                          ", found '" + text::printable(*first) + "' and no " +
                                          marker() + ": choose another prefix"};
    auto written = m_client.call(Call{.method = "PUT",
                                      .key = marker(),
                                      .headers = {{"content-type", "text/plain"}},
                                      .body = random_uuid() + "\n"});
    if (!written && written.error().code != Errc::conflict) return written.error();
    return {};
  }

  /// Unfinished uploads of ours that nobody went on with. A later start does what cannot be done
  /// now.
  void sweep() {
    const auto open = list_uploads(m_client, m_prefix);
    if (!open) return;
    for (const OpenUpload& one : *open) {
      if (one.begun >= m_client.now() - k_abandoned_after) continue;
      const auto ours = m_records.knows(one.key, one.id);
      if (!ours || !*ours) continue;
      const Status aborted = abort_upload(m_client, one.key, one.id);
      if (aborted) m_records.forget(one.key, one.id);
      log::info(
          aborted ? "an abandoned upload was aborted" : "an abandoned upload could not be aborted",
          {{"store", m_id.get()}, {"key", one.key}});
    }
  }

  /// What is at a key; nothing: there is no object.
  Result<std::optional<Seen>> see(const std::string& key) {
    auto answer = m_client.call(Call{.method = "HEAD", .key = key});
    if (!answer && answer.error().code == Errc::not_found) return std::optional<Seen>();
    if (!answer) return answer.error();
    const auto length = answer->header("content-length");
    return std::optional(Seen{ByteCount(std::strtoull(length.value_or("0").c_str(), nullptr, 10)),
                              answer->header(k_digest_header).value_or("")});
  }

  Result<Placed> put_one(const PutRequest& request) {
    auto placed = publish(request);
    if (placed) {
      placed->location = location(placed->path);
      return placed;
    }
    Error error = placed.error().within("cannot archive " + request.path);
    // An object or upload that vanished under our hands is no proof that anything is absent.
    if (error.code == Errc::not_found) error.code = Errc::unavailable;
    return error;
  }

  Result<Placed> publish(const PutRequest& request) {
    REELKEEP_TRY(check_path(request.path));
    const KeyTurns::Turn turn(m_turns, request.path);
    for (int number = 0; number < k_most_names; ++number) {
      Placed placed{.path = candidate(request, number), .location = {}};
      const std::string key = m_prefix + placed.path;
      REELKEEP_ASSIGN(const std::optional<Seen> there, see(key));
      if (there) {
        REELKEEP_ASSIGN(placed.was_there, is_same(key, *there, request));
        if (!placed.was_there) continue;
      } else {
        const Status sent = send(request, key);
        // Somebody else was faster: what is there now is looked at in the next round.
        if (!sent && sent.error().code == Errc::conflict) {
          REELKEEP_ASSIGN(const std::optional<Seen> now, see(key));
          if (now) {
            --number;
            continue;
          }
        }
        if (!sent) return sent.error();
      }
      REELKEEP_TRY(use_up(request));
      return placed;
    }
    return Error{Errc::conflict, "other objects have this name and " +
                                     std::to_string(k_most_names) + " names like it"};
  }

  Status send(const PutRequest& request, const std::string& key) {
    REELKEEP_ASSIGN(const StagedFile file, StagedFile::open(request.staged, request.size));
    Upload upload(m_client, m_objects, m_dialect, m_records, file, key, request.digest);
    REELKEEP_TRY(upload.run());
    REELKEEP_ASSIGN(const std::optional<Seen> sent, see(key));
    if (!sent) return Error{Errc::unavailable, "the object is not there after its upload"};
    if (sent->size == request.size && sent->digest == request.digest.hex()) return {};
    // An upload that was begun for other bytes keeps their digest as its metadata.
    (void)m_client.call(Call{.method = "DELETE", .key = key}).has_value();
    return Error{Errc::unavailable, "the server holds " + std::to_string(sent->size.get()) +
                                        " bytes with SHA-256 '" + text::printable(sent->digest) +
                                        "' after " + std::to_string(request.size.get()) + " with " +
                                        request.digest.hex() +
                                        " were sent; it was removed and will be sent again"};
  }

  /// The object has the bytes that are to be put. What its metadata says of them was true when they
  /// were sent: an object that went bad keeps it, so that it is read back.
  Result<bool> is_same(const std::string& key, const Seen& there, const PutRequest& request) {
    if (there.size != request.size) return false;
    if (!there.digest.empty() && there.digest != request.digest.hex()) return false;
    REELKEEP_ASSIGN(const Digest found, read_back(key));
    return found == request.digest;
  }

  Result<Digest> read_back(const std::string& key, const ReadSink& sink = {}) {
    Sha256 hash;
    REELKEEP_TRY(m_client.call(Call{.key = key, .answer_sink = [&](auto bytes) -> Status {
                                      hash.update(bytes);
                                      return sink ? sink(bytes) : Status();
                                    }}));
    return hash.finish();
  }

  static Status use_up(const PutRequest& request) {
    if (request.disposition == Staged::keep || ::unlink(request.staged.c_str()) == 0 ||
        errno == ENOENT)
      return {};
    return Error::from_errno(errno, "cannot remove " + request.staged);
  }

  Result<Inspection> look(const std::string& path, ByteCount size, const Digest& digest,
                          Depth depth, const ReadSink& sink) {
    using Found = Inspection::Found;
    const std::string key = m_prefix + path;
    REELKEEP_ASSIGN(const std::optional<Seen> there, see(key));
    if (!there) return Inspection{Found::missing, "it does not exist"};
    if (there->size != size)
      return Inspection{Found::corrupt, "it has " + std::to_string(there->size.get()) +
                                            " bytes instead of " + std::to_string(size.get())};
    if (!there->digest.empty() && there->digest != digest.hex())
      return Inspection{Found::corrupt, "its metadata names SHA-256 " +
                                            text::printable(there->digest) + " instead of " +
                                            digest.hex()};
    if (depth == Depth::quick) return Inspection{};
    auto found = read_back(key, sink);
    if (!found && found.error().code == Errc::not_found)
      return Inspection{Found::missing, "it does not exist"};
    if (!found) return found.error();
    if (*found == digest) return Inspection{};
    return Inspection{Found::corrupt,
                      "its SHA-256 is " + found->hex() + " instead of " + digest.hex()};
  }

  // Constant after construction.
  const StoreId m_id;
  const std::string m_prefix;
  const ObjectOptions m_objects;

  Client m_client;
  UploadRecords m_records{m_client, m_prefix};
  Dialect m_dialect;
  KeyTurns m_turns;
  std::atomic<bool> m_swept = false;

  std::mutex m_mutex;
  std::string m_root;  // guarded by m_mutex; empty: not open
};

}  // namespace

std::unique_ptr<Store> make_s3_store(StoreId id, HttpClient& http, const Clock& clock,
                                     S3StoreOptions options) {
  return std::make_unique<S3Store>(std::move(id), http, clock, std::move(options));
}

}  // namespace reelkeep::s3
