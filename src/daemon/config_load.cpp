#include "daemon/config_load.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "reelkeep/base/text.hpp"
#include "reelkeep/base/unique_fd.hpp"

#include "daemon/config_document.hpp"
#include "daemon/config_reader.hpp"
#include "daemon/config_schema.hpp"

namespace reelkeep::daemon {
namespace {

constexpr std::size_t k_longest_config = 4 * 1024 * 1024;
constexpr std::string_view k_default_path = "/etc/reelkeep/config.toml";
// Where systemd keeps what LoadCredential= of the running service named (systemd.exec(5)).
constexpr const char* k_service_credentials = "/run/credentials/reelkeep.service";

std::optional<std::string> variable(const char* name) {
  const char* value =
      std::getenv(name);  // NOLINT(concurrency-mt-unsafe): read before any thread starts
  if (value == nullptr || *value == '\0') return std::nullopt;
  return value;
}

struct ConfigText {
  std::string text;
  bool everyone_may_read = false;
};

Result<ConfigText> read_text_file(const std::string& path) {
  const std::string what = "cannot read the configuration";
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  if (!file) return Error::from_errno(errno, what);
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) return Error::from_errno(errno, what);
  if (S_ISDIR(status.st_mode)) return Error::from_errno(EISDIR, what);
  ConfigText content;
  content.everyone_may_read = (status.st_mode & S_IROTH) != 0;
  std::array<char, 16384> buffer{};
  for (;;) {
    const ssize_t got = ::read(file.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Error::from_errno(errno, what);
    if (got == 0) return content;
    content.text.append(buffer.data(), static_cast<std::size_t>(got));
    if (content.text.size() > k_longest_config)
      return Error{Errc::invalid, what + ": longer than 4 MiB"};
  }
}

/// Somewhere in the file itself stands a password that is worth something.
bool holds_secret(const Node& node, std::string_view key) {
  if (node.kind == Node::Kind::string)
    return (key == "password" || key == "api_key" || key == "secret_access_key" ||
            key == "session_token") &&
           node.text != k_placeholder_password;
  return std::any_of(node.items.begin(), node.items.end(),
                     [&](const Node& item) { return holds_secret(item, key); }) ||
         std::any_of(node.members.begin(), node.members.end(),
                     [](const Member& member) { return holds_secret(member.value, member.key); });
}

ConfigResult read(const ConfigText& content, const std::string& path,
                  const Environment& environment) {
  Reader reader(path, environment);
  const Document document = parse_document(content.text);
  Config config;
  config.file = path;
  if (document.error) {
    reader.problem(document.error->at, "this is not TOML: " + document.error->message);
  } else {
    read_document(document.root, config, reader);
    finish_config(config, reader);
    if (content.everyone_may_read && holds_secret(document.root, ""))
      reader.warning(Position{}, "holds a password and everyone on this machine may read it",
                     "chmod 0640, or put the password into a file of its own (password_file)");
  }
  ConfigResult result;
  result.problems = reader.take_problems();
  result.warnings = reader.take_warnings();
  config.secret_files = reader.secret_files();
  if (result.problems.empty()) {
    result.config = std::move(config);
  } else if (!document.error) {
    std::erase_if(config.stores,
                  [](const StoreConfig& store) { return store.type == StoreConfig::Type::s3; });
    result.remainder = Remainder{std::move(config), reader.spoilt_keys()};
  }
  return result;
}

}  // namespace

Environment Environment::of_process(SecretFiles secret_files) {
  std::optional<std::string> credentials = variable("CREDENTIALS_DIRECTORY");
  if (!credentials && ::access(k_service_credentials, R_OK | X_OK) == 0)
    credentials = k_service_credentials;
  return Environment{variable("REELKEEP_CONFIG"), variable("STATE_DIRECTORY"),
                     std::move(credentials), secret_files};
}

std::string Problem::text() const {
  std::string text = text::printable(file);
  if (line > 0) text += ":" + std::to_string(line) + ":" + std::to_string(column);
  text += (text.empty() ? "" : ": ") + message;
  if (!hint.empty()) text += "; " + hint;
  return text;
}

bool Remainder::knows(std::string_view key) const {
  const auto first = unread.lower_bound(std::string(key));
  return first == unread.end() || !std::string_view(*first).starts_with(key);
}

Error ConfigResult::error() const {
  if (problems.empty()) abort_broken_invariant("error() of a configuration without problems");
  Error error{Errc::unauthorized, ""};
  for (const Problem& problem : problems) {
    error.message += (error.message.empty() ? "" : "\n") + problem.text();
    if (problem.code != Errc::unauthorized) error.code = Errc::invalid;
  }
  return error;
}

std::string config_path(const std::optional<std::string>& option, const Environment& environment) {
  if (option) return *option;
  return environment.config_path.value_or(std::string(k_default_path));
}

ConfigResult load_config(const std::string& path, const Environment& environment) {
  const auto content = read_text_file(path);
  if (content) return read(*content, path, environment);
  const bool denied = content.error().code == Errc::unauthorized;
  ConfigResult result;
  result.problems.push_back(Problem{path, 0, 0, content.error().message,
                                    denied ? "run it as the user that runs reelkeep, or as root"
                                           : "name the file with --config FILE or REELKEEP_CONFIG",
                                    denied ? Errc::unauthorized : Errc::invalid});
  return result;
}

ConfigResult read_config(std::string_view toml, const std::string& path,
                         const Environment& environment) {
  return read(ConfigText{std::string(toml), false}, path, environment);
}

Config embedded_defaults(const Environment& environment) {
  ConfigResult result = read_config("", "", environment);
  if (!result.config) abort_broken_invariant("the embedded defaults have problems");
  return *std::move(result.config);
}

}  // namespace reelkeep::daemon
