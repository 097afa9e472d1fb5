#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

namespace reelkeep {

/// MD5 of bytes as they arrive, for what S3 servers call the ETag of a part. It proves nothing
/// against an adversary. One thread at a time.
class Md5 {
 public:
  Md5();
  Md5(const Md5&) = delete;
  Md5& operator=(const Md5&) = delete;
  ~Md5();
  void update(std::span<const std::byte> bytes);
  /// 32 lower-case hex digits; empty where the crypto library refuses MD5 (FIPS). Ends its use.
  [[nodiscard]] std::string finish();

 private:
  struct Context;
  std::unique_ptr<Context> m_context;
};

}  // namespace reelkeep
