#pragma once

#include <optional>
#include <string>
#include <vector>

#include "reelkeep/port/http_client.hpp"

#include "daemon/config.hpp"
#include "daemon/config_load.hpp"

namespace reelkeep::daemon {

/// One thing about the machine that the agent needs, and how it is.
struct Finding {
  enum class Severity { ok, warning, error };
  Severity severity = Severity::ok;
  std::string what;           ///< lower case, no full stop
  std::string way_out;        ///< what to do; empty with ok
  Errc code = Errc::invalid;  ///< with an error: its exit status

  static Finding good(std::string what);
  static Finding doubtful(std::string what, std::string way_out);
  static Finding bad(Errc code, std::string what, std::string way_out);
};
std::string_view to_string(Finding::Severity severity) noexcept;

/// Looks at everything the configuration needs of this machine and tells all of it, good and bad,
/// as the user of this process. Leaves nothing behind: no directory is made, nothing stays open.
/// Blocking; any thread. While an agent runs on the state directory its ports are not tried.
std::vector<Finding> check_environment(const Config& config);
/// The same beside a configuration with faults: what needs a value that could not be read is left
/// out, and without a state directory all of it.
std::vector<Finding> check_environment(const Remainder& remainder);
/// As root: this process acts as the owner of the state directory from here on. Told where that is
/// nobody yet; nothing: all is well.
Result<std::optional<Finding>> act_as_service(const Config& config);
/// What the command ends with: the error with the highest exit status, since the gravest causes
/// have the highest (corrupt, no space, unavailable), and how many there are.
Status verdict(const std::vector<Finding>& findings);

/// What only the other side can tell: each project's pair for files (for a byte of its newest known
/// file, at hosts that the pair may be sent to), its pair for the REST API, and the clock against
/// theirs; and every destination. Blocking, for seconds. Stores are asked by check_environment()
/// already.
std::vector<Finding> check_online(const Config& config);
/// Whether each destination can be reached, is the right server, takes the login, and has the
/// bucket or the folder. `http` is borrowed.
std::vector<Finding> check_destinations(const Config& config, HttpClient& http);
/// Against the Date of an answer.
Finding compare_clock(const std::string& host, Timestamp theirs, Timestamp now);

/// The parts of it, each told alone.
std::vector<Finding> check_state_dir(const Config& config);
std::vector<Finding> check_staging(const Config& config);
std::vector<Finding> check_stores(const Config& config);
Finding check_listen(const ListenAddress& address, std::string_view block);
/// Certificate and key are what the server will take; nothing: no TLS.
std::optional<Finding> check_tls(const Config& config);
/// The journal, where there is one, can be read.
std::optional<Finding> check_journal(const Config& config);
/// Nothing: there is none yet, or it is good.
std::optional<Finding> check_catalog(const Config& config);
Finding check_clock(Timestamp now);
Finding check_open_files(const Config& config, std::uint64_t limit);
std::vector<Finding> check_secret_files(const Config& config);

}  // namespace reelkeep::daemon
