#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/config.hpp"

namespace reelkeep::daemon {

/// Whether the `*_file` secrets are read. Who only looks at the state does without: under
/// LoadCredential= they exist while the service runs, and for its user alone.
enum class SecretFiles { read, leave };

/// What the configuration takes from the process' surroundings; tests give their own.
struct Environment {
  std::optional<std::string> config_path;            ///< REELKEEP_CONFIG
  std::optional<std::string> state_directory;        ///< STATE_DIRECTORY
  std::optional<std::string> credentials_directory;  ///< CREDENTIALS_DIRECTORY, else the service's
  SecretFiles secret_files = SecretFiles::read;      ///< left: those secrets are empty
  static Environment of_process(SecretFiles secret_files = SecretFiles::read);
};

/// One thing that is wrong in the configuration, and the way out.
struct Problem {
  std::string file;
  unsigned line = 0;  ///< 0: the file as a whole
  unsigned column = 0;
  std::string message;  ///< lower case, no full stop; never a secret
  std::string hint;     ///< what to do; may be empty
  Errc code = Errc::invalid;

  /// `config.toml:12:3: unknown key "concurency" in [download]; did you mean "concurrency"?`
  [[nodiscard]] std::string text() const;
};

/// What a faulty configuration tells all the same, so that the machine can be judged beside it.
struct Remainder {
  /// A value that could not be taken is its default. Without S3 stores: who would be asked, and
  /// with which pair, is not sure.
  Config config;
  std::set<std::string> unread;  ///< those values: "webhook.listen", "store[0].path"

  /// Neither the key nor one below it ("store") was left unread.
  [[nodiscard]] bool knows(std::string_view key) const;
};

/// A configuration, or all that is wrong with it at once. Warnings come with either.
struct ConfigResult {
  std::optional<Config> config;
  std::optional<Remainder> remainder;  ///< without a config, where the file is TOML
  std::vector<Problem> problems;       ///< in the order of the file; empty with a config
  std::vector<Problem> warnings;

  /// All problems, one per line. Errc::unauthorized if missing permission is all that is wrong.
  /// Only when there is no config.
  [[nodiscard]] Error error() const;
};

/// `--config FILE`, else $REELKEEP_CONFIG, else /etc/reelkeep/config.toml.
std::string config_path(const std::optional<std::string>& option, const Environment& environment);

/// Reads and checks the file and every `_file` it names. Any thread.
ConfigResult load_config(const std::string& path, const Environment& environment);
/// The same for a text; `path` is what problems name and what relative paths are relative to.
ConfigResult read_config(std::string_view toml, const std::string& path,
                         const Environment& environment);
/// What an empty file means: everything by default, no project, no webhook user.
Config embedded_defaults(const Environment& environment);

/// Every key that a file may hold: "[webhook] listen", "[[webhook.user]] app_ids"; `_file` forms
/// too.
std::vector<std::string> known_config_keys();

}  // namespace reelkeep::daemon
