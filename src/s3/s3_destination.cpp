#include "s3/s3_destination.hpp"

#include <charconv>
#include <utility>

#include "reelkeep/base/text.hpp"

#include "crypto/sha256.hpp"
#include "s3/upload.hpp"

namespace reelkeep::s3 {
namespace {

/// Without a KiB a second for this long a read is given up.
constexpr Duration k_stall = std::chrono::minutes(1);

std::optional<std::uint64_t> number(const std::string& text) {
  std::uint64_t value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// Of the whole object; one of a multipart upload ("...-3", COMPOSITE) is a digest of digests.
std::optional<Digest> digest_of(const HttpAnswer& answer) {
  const bool whole = answer.header("x-amz-checksum-type").value_or("FULL_OBJECT") == "FULL_OBJECT";
  if (const auto checksum = answer.header("x-amz-checksum-sha256"); checksum && whole) {
    const auto bytes = text::from_base64(*checksum);
    Digest digest;
    if (bytes && bytes->size() == digest.bytes.size()) {
      for (std::size_t i = 0; i < bytes->size(); ++i)
        digest.bytes.at(i) = static_cast<std::byte>((*bytes)[i]);
      return digest;
    }
  }
  if (const auto noted = answer.header(k_digest_header))
    if (const auto digest = parse_digest(*noted)) return *digest;
  return std::nullopt;
}

/// An object as a HEAD shows it.
struct Seen {
  ByteCount size;
  std::optional<Digest> digest;
  std::string version;
  std::string moved_from;  ///< k_moved_header; empty: not by us
};

class S3Destination final : public Destination {
 public:
  S3Destination(StoreId id, HttpClient& http, const Clock& clock, S3DestinationOptions options)
      : m_id(std::move(id)),
        m_prefix(std::move(options.prefix)),
        m_copy_in_parts_above(options.copy_in_parts_above),
        m_copy_part(options.copy_part),
        m_client(http, clock, std::move(options.bucket), std::move(options.access)) {}

  [[nodiscard]] const StoreId& id() const override { return m_id; }

  Result<DestinationFile> stat(const std::string& location) override {
    REELKEEP_ASSIGN(const std::string key, key_of(location));
    REELKEEP_ASSIGN(const Seen seen, look(key));
    return shown(seen);
  }

  Status read(const std::string& location, ByteCount offset, const Sink& sink) override {
    REELKEEP_ASSIGN(const std::string key, key_of(location));
    Call call{.key = key, .answer_sink = sink, .timeout = k_stall};
    const std::string start = std::to_string(offset.get());
    if (offset.get() > 0) call.headers.emplace_back("range", "bytes=" + start + "-");
    REELKEEP_ASSIGN(const HttpAnswer answer, m_client.call(call));
    if (offset.get() == 0 ||
        (answer.status == 206 &&
         answer.header("content-range").value_or("").starts_with("bytes " + start + "-")))
      return {};
    return Error{Errc::corrupt, location + " was asked for from byte " + start +
                                    " on, and the server sent another range"};
  }

  [[nodiscard]] std::string location_of(const std::string& path) const override {
    return "s3://" + m_client.bucket().bucket + "/" + m_prefix + path;
  }

  Result<MovedFile> move(const std::string& from, const std::string& to, ByteCount size) override {
    REELKEEP_ASSIGN(const std::string old_key, key_of(from));
    REELKEEP_ASSIGN(const std::string new_key, key_of(to));
    auto there = look(new_key);
    if (!there && there.error().code != Errc::not_found) return there.error();
    if (there && old_key == new_key) return MovedFile{shown(*there)};
    const auto here = look(old_key);
    if (!here && here.error().code != Errc::not_found) return here.error();
    if (there) {
      if (there->size != size) return Error{Errc::conflict, to + " exists already"};
      // The size alone does not say that this is what the original was.
      if (!here && there->moved_from != moved_from(old_key))
        return Error{Errc::conflict, to + " exists already, and was not moved there from " + from};
      // An earlier copy was killed before the original went.
      if (here && here->version != there->version) REELKEEP_TRY(compare(old_key, new_key));
    } else {
      if (!here) return here.error();
      REELKEEP_TRY(copy_object(m_client, old_key, new_key, here->size, here->version,
                               m_copy_in_parts_above, m_copy_part));
      there = look(new_key);
      if (!there) return there.error().within("after the copy");
      if (there->size != here->size)
        return Error{Errc::unavailable,
                     to + " has another size after the copy; the original stays"};
    }
    if (!here) return MovedFile{shown(*there)};
    auto removed = m_client.call(Call{.method = "DELETE", .key = old_key});
    if (removed || removed.error().code == Errc::not_found) return MovedFile{shown(*there)};
    return removed.error().within("copied, but the original stays");
  }

  void interrupt() noexcept override { m_client.interrupt(); }

 private:
  static DestinationFile shown(const Seen& seen) { return {seen.size, seen.digest, seen.version}; }

  [[nodiscard]] Result<std::string> key_of(const std::string& location) const {
    const std::string start = "s3://" + m_client.bucket().bucket + "/";
    if (location.starts_with(start) && location.size() > start.size())
      return location.substr(start.size());
    return Error{Errc::invalid,
                 text::printable(location) + " is not in bucket " + m_client.bucket().bucket};
  }

  Result<Seen> look(const std::string& key) {
    auto seen = m_client.call(
        Call{.method = "HEAD", .key = key, .headers = {{"x-amz-checksum-mode", "ENABLED"}}});
    if (!seen && seen.error().code == Errc::not_found) {
      // HEAD cannot say whether the object is missing, or its whole bucket.
      auto told = m_client.call(Call{.key = key, .headers = {{"range", "bytes=0-0"}}});
      if (!told) return told.error();
      return Error{Errc::unavailable,
                   "s3://" + m_client.bucket().bucket + "/" + key + " came while it was looked at"};
    }
    REELKEEP_ASSIGN(const HttpAnswer answer, std::move(seen));
    const auto length = number(answer.header("content-length").value_or(""));
    if (!length)
      return Error{Errc::unavailable, "the server does not tell the size of s3://" +
                                          m_client.bucket().bucket + "/" + key};
    return Seen{ByteCount(*length), digest_of(answer), answer.header("etag").value_or(""),
                answer.header(k_moved_header).value_or("")};
  }

  /// A tag of something that was sent or copied in parts says nothing of another: the bytes do.
  Status compare(const std::string& one, const std::string& other) {
    REELKEEP_ASSIGN(const Digest a, hash(one));
    REELKEEP_ASSIGN(const Digest b, hash(other));
    if (a == b) return {};
    return Error{Errc::conflict, "s3://" + m_client.bucket().bucket + "/" + other +
                                     " exists already, with other bytes"};
  }

  Result<Digest> hash(const std::string& key) {
    Sha256 hash;
    REELKEEP_TRY(m_client.call(Call{.key = key,
                                    .answer_sink = [&](auto bytes) -> Status {
                                      hash.update(bytes);
                                      return {};
                                    },
                                    .timeout = k_stall}));
    return hash.finish();
  }

  // Constant after construction.
  const StoreId m_id;
  const std::string m_prefix;
  const ByteCount m_copy_in_parts_above;
  const ByteCount m_copy_part;

  Client m_client;
};

}  // namespace

std::unique_ptr<Destination> make_s3_destination(StoreId id, HttpClient& http, const Clock& clock,
                                                 S3DestinationOptions options) {
  return std::make_unique<S3Destination>(std::move(id), http, clock, std::move(options));
}

}  // namespace reelkeep::s3
