#pragma once

#include <string>
#include <utility>

#include "s3/client.hpp"

namespace reelkeep::s3 {

/// Which unfinished uploads are ours: a small object of each, below the archive's prefix, since
/// others may upload to the same bucket with the same key pair, and a list of uploads does not tell
/// whose they are. Any thread; borrows the client.
class UploadRecords {
 public:
  UploadRecords(Client& client, std::string prefix)
      : m_client(client), m_prefix(std::move(prefix)) {}

  Status note(const std::string& key, const std::string& id);
  Result<bool> knows(const std::string& key, const std::string& id);
  /// When the upload is no more. What stays because this fails is a name without a meaning.
  void forget(const std::string& key, const std::string& id);

 private:
  [[nodiscard]] std::string name_of(const std::string& key, const std::string& id) const;
  Client& m_client;
  const std::string m_prefix;
};

}  // namespace reelkeep::s3
