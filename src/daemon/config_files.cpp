// The parts of the configuration that touch the filesystem: paths and secrets.
#include <array>
#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "reelkeep/base/text.hpp"
#include "reelkeep/base/unique_fd.hpp"

#include "daemon/config_reader.hpp"

namespace reelkeep::daemon {
namespace {

constexpr std::size_t k_longest_secret = 64 * 1024;
constexpr std::string_view k_credentials = "CREDENTIALS_DIRECTORY";

/// The path with $CREDENTIALS_DIRECTORY at its start replaced; any other `$` or `~` is a mistake,
/// since nothing else is expanded.
std::optional<std::string> expanded(const Slot& slot, std::string path) {
  for (const std::string& form :
       {"$" + std::string(k_credentials), "${" + std::string(k_credentials) + "}"}) {
    if (!path.starts_with(form + "/")) continue;
    const auto& directory = slot.reader.environment().credentials_directory;
    if (directory) return *directory + path.substr(form.size());
    slot.problem(std::string(slot.key) + ": $CREDENTIALS_DIRECTORY is not set",
                 "systemd sets it for the service when the unit has LoadCredential=; while the "
                 "service runs, root finds it too");
    return std::nullopt;
  }
  if (path.starts_with('$') || path.starts_with('~')) {
    slot.problem(std::string(slot.key) + ": \"" + text::printable(path) + "\" is not expanded",
                 "write the whole path; only *_file keys know $CREDENTIALS_DIRECTORY");
    return std::nullopt;
  }
  return path;
}

/// Opened for reading; a problem when it is not there, not permitted, not a file.
UniqueFd open_readable(const Slot& slot, const std::string& path, Holds holds) {
  const auto fail = [&](const Error& error, std::string hint) {
    slot.problem(std::string(slot.key) + ": " + error.message, std::move(hint),
                 error.code == Errc::unauthorized ? error.code : Errc::invalid);
    return UniqueFd();
  };
  UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  const std::string what = "cannot read " + text::printable(path);
  if (!file) {
    const int error_number = errno;
    if (error_number == ENOENT)
      return fail(Error::from_errno(error_number, what),
                  "create it, or mend the path: relative ones start at the configuration file");
    return fail(Error::from_errno(error_number, what),
                "the user that runs reelkeep must be able to read it (chgrp reelkeep, chmod 0640)");
  }
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) return fail(Error::from_errno(errno, what), "");
  if (!S_ISREG(status.st_mode))
    return fail(Error{Errc::invalid, what + ": not a regular file"}, "");
  if (holds == Holds::secret && (status.st_mode & S_IROTH) != 0)
    slot.reader.warning(
        slot.node.at,
        std::string(slot.key) + ": everyone on this machine may read " + text::printable(path),
        "chmod 0640 " + text::printable(path));
  return file;
}

std::optional<Secret> accepted(const Slot& slot, const std::string& where, std::string value) {
  std::string why;
  if (value.empty()) why = " is empty";
  for (const char c : value)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
      why = " holds a line break or another control character";
  if (why.empty()) return Secret(std::move(value));
  slot.problem(where + why);
  return std::nullopt;
}

}  // namespace

std::optional<std::string> read_path(const Slot& slot) {
  auto text = read_text(slot, "a path");
  if (!text) return std::nullopt;
  if (text->starts_with('$') || text->starts_with('~')) {
    slot.problem(std::string(slot.key) + ": \"" + text::printable(*text) + "\" is not expanded",
                 "write the whole path");
    return std::nullopt;
  }
  return slot.reader.absolute(*text);
}

std::optional<std::string> read_file_path(const Slot& slot, Holds holds) {
  auto text = read_text(slot, "the path of a file");
  if (text) text = expanded(slot, *std::move(text));
  if (!text) return std::nullopt;
  std::string path = slot.reader.absolute(*text);
  if (!open_readable(slot, path, holds)) return std::nullopt;
  return path;
}

std::optional<Secret> read_secret(const Slot& slot) {
  if (slot.node.kind != Node::Kind::string) {
    slot.problem(std::string(slot.key) + " is " + std::string(noun(slot.node.kind)) +
                 ", expected a text");
    return std::nullopt;
  }
  return accepted(slot, std::string(slot.key), slot.node.text);
}

std::optional<Secret> read_secret_file(const Slot& slot) {
  auto text = read_text(slot, "the path of a file");
  if (slot.reader.environment().secret_files == SecretFiles::leave)
    return text ? std::optional<Secret>(Secret("")) : std::nullopt;
  if (text) text = expanded(slot, *std::move(text));
  if (!text) return std::nullopt;
  const std::string path = slot.reader.absolute(*text);
  const UniqueFd file = open_readable(slot, path, Holds::secret);
  if (!file) return std::nullopt;
  slot.reader.read_secret_file(
      SecretFile{path, std::string(slot.block) + " " + std::string(slot.key)});

  std::string content;
  std::array<char, 4096> buffer{};
  for (;;) {
    const ssize_t got = ::read(file.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      slot.problem(Error::from_errno(errno, "cannot read " + text::printable(path)).message);
      return std::nullopt;
    }
    if (got == 0) break;
    content.append(buffer.data(), static_cast<std::size_t>(got));
    if (content.size() > k_longest_secret) {
      slot.problem(std::string(slot.key) + ": " + text::printable(path) +
                   " is longer than 64 KiB: that is no password");
      return std::nullopt;
    }
  }
  if (content.ends_with('\n')) content.resize(content.size() - (content.ends_with("\r\n") ? 2 : 1));
  return accepted(slot, std::string(slot.key) + ": " + text::printable(path), std::move(content));
}

}  // namespace reelkeep::daemon
