#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "daemon/config_document.hpp"
#include "daemon/config_load.hpp"

namespace reelkeep::daemon {

/// Collects what is wrong while a document is read, and remembers where each key stood.
/// Belongs to one read_config() call and its thread.
class Reader {
 public:
  Reader(const std::string& file, const Environment& environment);

  void problem(Position at, std::string message, std::string hint = "", Errc code = Errc::invalid);
  void warning(Position at, std::string message, std::string hint = "");
  void read_secret_file(SecretFile file) { m_secret_files.push_back(std::move(file)); }

  /// `path` names a key ("project[0].stores") or a block ("project[0]").
  void remember(const std::string& path, Position at) { m_places[path] = at; }
  [[nodiscard]] bool has(const std::string& path) const { return m_places.contains(path); }
  /// The key's value could not be taken and its member holds the default: checks that need it have
  /// nothing to say.
  void spoil(const std::string& path) { m_spoilt.insert(path); }
  [[nodiscard]] bool spoilt(const std::string& path) const { return m_spoilt.contains(path); }
  [[nodiscard]] const std::set<std::string>& spoilt_keys() const { return m_spoilt; }
  /// Where that key stood; without one, where its block did.
  [[nodiscard]] Position at(const std::string& path) const;

  /// Absolute and normal; a relative path starts at the file's directory.
  [[nodiscard]] std::string absolute(std::string_view path) const;
  [[nodiscard]] const Environment& environment() const { return m_environment; }
  [[nodiscard]] const std::vector<SecretFile>& secret_files() const { return m_secret_files; }

  /// Sorted by place.
  std::vector<Problem> take_problems();
  std::vector<Problem> take_warnings();

 private:
  std::string m_file;
  std::string m_directory;
  const Environment& m_environment;
  std::vector<Problem> m_problems;
  std::vector<Problem> m_warnings;
  std::vector<SecretFile> m_secret_files;
  std::map<std::string, Position> m_places;
  std::set<std::string> m_spoilt;
};

/// One value on its way into a struct.
struct Slot {
  const Node& node;
  std::string_view key;
  std::string_view block;  ///< as people write it: "[download]"
  std::string path;        ///< "download.concurrency"
  Reader& reader;

  /// Reports the value and spoils the key.
  void problem(std::string message, std::string hint = "", Errc code = Errc::invalid) const {
    reader.spoil(path);
    reader.problem(node.at, std::move(message), std::move(hint), code);
  }
};

/// Each gives the value, or reports the problem and gives nothing.
std::optional<std::int64_t> read_integer(const Slot& slot, std::int64_t least, std::int64_t most);
std::optional<bool> read_flag(const Slot& slot);
/// Not empty, no control characters.
std::optional<std::string> read_text(const Slot& slot, std::string_view expected = "a text");
std::optional<Duration> read_duration(const Slot& slot, Duration least, Duration most);
std::optional<ByteCount> read_bytes(const Slot& slot, ByteCount least, ByteCount most);
/// One of `words`.
std::optional<std::size_t> read_word(const Slot& slot, const std::vector<std::string>& words);
std::optional<std::vector<std::string>> read_texts(const Slot& slot);
std::optional<ListenAddress> read_listen(const Slot& slot);
std::optional<std::vector<HostPattern>> read_hosts(const Slot& slot);
/// A directory that may not exist yet: absolute.
std::optional<std::string> read_path(const Slot& slot);
enum class Holds { anything, secret };
/// A file that must be readable: absolute, $CREDENTIALS_DIRECTORY expanded. What holds a secret
/// and is readable by everyone gets a warning.
std::optional<std::string> read_file_path(const Slot& slot, Holds holds);
/// The value of a secret `x`.
std::optional<Secret> read_secret(const Slot& slot);
/// The value of a secret `x_file`: the content of that file without one trailing newline.
std::optional<Secret> read_secret_file(const Slot& slot);

/// The nearest of `known` as a hint: `did you mean "x"?`, else nothing.
std::string did_you_mean(std::string_view word, const std::vector<std::string>& known);

}  // namespace reelkeep::daemon
