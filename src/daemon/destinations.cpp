#include "daemon/destinations.hpp"

#include <utility>

#include "curl/destination.hpp"
#include "daemon/s3_places.hpp"
#include "s3/s3_destination.hpp"

namespace reelkeep::daemon {
namespace {

using Protocol = curl::ServerAccess::Protocol;
using Name = DestinationConfig::Name;
using Tls = DestinationConfig::Tls;

Protocol protocol_of(const DestinationConfig& destination) {
  switch (destination.name) {
    case Name::sftp:
      return Protocol::sftp;
    case Name::ssh:
      return Protocol::scp;
    case Name::awss3:
    case Name::ftp:
      break;
  }
  switch (destination.tls) {
    case Tls::none:
      return Protocol::ftp;
    case Tls::on_request:
      return Protocol::ftp_explicit;
    case Tls::from_the_start:
      return Protocol::ftp_implicit;
  }
  return Protocol::ftp_explicit;
}

curl::ServerAccess access_of(const DestinationSettings& settings) {
  const DestinationConfig& destination = settings.destination;
  return {.protocol = protocol_of(destination),
          .host = destination.host,
          .port = destination.port,
          .root = destination.root,
          .prefix = destination.prefix,
          .username = destination.username,
          .password = destination.password,
          .private_key_file = destination.private_key_file,
          .private_key_passphrase = destination.private_key_passphrase,
          .host_keys = destination.host_key,
          .ca_file = destination.ca_file,
          .connect_timeout = settings.connect_timeout,
          .stall_timeout = settings.stall_timeout};
}

}  // namespace

std::unique_ptr<Destination> make_destination(const DestinationConfig& destination,
                                              HttpClient& http, const Clock& clock,
                                              std::function<DestinationSettings()> newest) {
  if (destination.name != Name::awss3)
    return curl::make_server_destination(
        destination.id, [newest = std::move(newest)] { return access_of(newest()); });
  s3::BucketPlace bucket = bucket_of(destination.as_store());
  bucket.block = "[[destination]]";
  return s3::make_s3_destination(destination.id, http, clock,
                                 {.bucket = std::move(bucket),
                                  .prefix = destination.prefix,
                                  .access = [newest = std::move(newest)] {
                                    return access_of(newest().destination.as_store());
                                  }});
}

}  // namespace reelkeep::daemon
