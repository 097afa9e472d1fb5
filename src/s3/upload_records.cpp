#include "s3/upload_records.hpp"

#include <span>

#include "crypto/sha256.hpp"

namespace reelkeep::s3 {

std::string UploadRecords::name_of(const std::string& key, const std::string& id) const {
  return m_prefix + ".reelkeep-uploads/" + sha256(key + "\n" + id).hex();
}

Status UploadRecords::note(const std::string& key, const std::string& id) {
  const auto written = m_client.call(Call{.method = "PUT",
                                          .key = name_of(key, id),
                                          .headers = {{"content-type", "text/plain"}},
                                          .body = key + "\n" + id + "\n"});
  return written ? Status() : Status(written.error().within("cannot note the upload"));
}

Result<bool> UploadRecords::knows(const std::string& key, const std::string& id) {
  const auto found = m_client.call(Call{.method = "HEAD", .key = name_of(key, id)});
  if (found) return true;
  if (found.error().code == Errc::not_found) return false;
  return found.error();
}

void UploadRecords::forget(const std::string& key, const std::string& id) {
  (void)m_client.call(Call{.method = "DELETE", .key = name_of(key, id)}).has_value();
}

}  // namespace reelkeep::s3
