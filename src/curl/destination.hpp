#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "reelkeep/base/secret.hpp"
#include "reelkeep/base/time.hpp"
#include "reelkeep/port/destination.hpp"

namespace reelkeep::curl {

/// How to reach a server of FTP or SSH, as the operator wrote it.
struct ServerAccess {
  enum class Protocol {
    ftp,           ///< unencrypted
    ftp_explicit,  ///< TLS is asked for, and nothing is said without it
    ftp_implicit,  ///< TLS from the first byte
    sftp,
    scp,  ///< looked at and read by SCP, moved by SFTP: SCP cannot
  };
  Protocol protocol = Protocol::sftp;
  std::string host;
  std::uint16_t port = 0;  ///< 0: the protocol's own
  /// What the location's first '/' stands for: empty or relative is below the login directory,
  /// "/..." absolute.
  std::string root;
  std::string prefix;  ///< of our layout, below the root; empty, or ends with '/'
  std::string username;
  Secret password;                     ///< empty: none
  std::string private_key_file;        ///< SSH; empty: none
  Secret private_key_passphrase;       ///< empty: none
  std::vector<std::string> host_keys;  ///< SSH: "SHA256:<base64>", one of them must be the server's
  std::string ca_file;                 ///< FTP with TLS; empty: the system's
  Duration connect_timeout{10'000};
  Duration stall_timeout{60'000};  ///< under 1 KiB/s, or no answer, for this long
  friend bool operator==(const ServerAccess&, const ServerAccess&) = default;
};

/// A destination on an FTP, FTPS, SFTP or SCP server. `access` is asked for each operation:
/// credentials and keys may change while it runs.
/// - A rename at an FTP server may replace what appears at the target between the look and the
///   rename; SFTP servers refuse.
/// - Reading goes on from any offset, by SCP by reading and dropping what comes before it.
std::unique_ptr<Destination> make_server_destination(StoreId id,
                                                     std::function<ServerAccess()> access);

/// "SHA256:<base64>" of a host key: given as that (padding or not), or as a line of known_hosts
/// ("host type key") or of a .pub file ("type key"). Errc::invalid says what is accepted.
Result<std::string> host_key_fingerprint(std::string_view text);

}  // namespace reelkeep::curl
