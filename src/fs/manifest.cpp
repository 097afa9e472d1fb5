#include "fs/manifest.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

#include "reelkeep/base/text.hpp"

#include "fs/crash_point.hpp"
#include "fs/file_io.hpp"

namespace reelkeep::fs {
namespace {

constexpr std::size_t k_page = 4096;
/// Above this a replacement costs more than a line torn for a microsecond.
constexpr std::uint64_t k_largest_replaced = std::uint64_t{1} << 20U;
constexpr std::size_t k_hex = 64;
constexpr std::uint64_t k_longest_line = std::uint64_t{64} << 10U;

const std::string& manifest_name() {
  static const std::string name(k_manifest_name);
  return name;
}

/// A line as its reader sees it. `key` is name and escape mark together: two lines are of one file
/// exactly when their keys are equal.
struct ParsedLine {
  std::string_view hex;
  std::string key;
};

std::optional<ParsedLine> parse_line(std::string_view line) {
  const bool escaped = line.starts_with('\\');
  if (escaped) line.remove_prefix(1);
  if (line.size() < k_hex + 3 || line[k_hex] != ' ' ||
      (line[k_hex + 1] != ' ' && line[k_hex + 1] != '*'))
    return std::nullopt;
  const std::string_view hex = line.substr(0, k_hex);
  if (hex.find_first_not_of("0123456789abcdefABCDEF") != std::string_view::npos)
    return std::nullopt;
  return ParsedLine{hex, (escaped ? "\\" : " ") + std::string(line.substr(k_hex + 2))};
}

/// Calls `each` for every complete line, without its newline; gives the bytes in complete lines.
Result<std::uint64_t> for_each_line(int fd, const std::function<Status(std::string_view)>& each) {
  constexpr std::size_t k_block = std::size_t{64} << 10U;
  const auto memory = std::make_unique_for_overwrite<std::byte[]>(k_block);
  const std::span block(memory.get(), k_block);
  std::string pending;
  std::uint64_t offset = 0;
  std::uint64_t complete = 0;
  for (;;) {
    REELKEEP_ASSIGN(const std::size_t n,
                    read_some(fd, static_cast<off_t>(offset), block, manifest_name()));
    if (n == 0) return complete;
    offset += n;
    pending.append(reinterpret_cast<const char*>(block.data()), n);
    std::size_t begin = 0;
    for (std::size_t end = pending.find('\n'); end != std::string::npos;
         end = pending.find('\n', begin)) {
      REELKEEP_TRY(each(std::string_view(pending).substr(begin, end - begin)));
      complete += end + 1 - begin;
      begin = end + 1;
    }
    pending.erase(0, begin);
    // Zeros after a power cut have no newline: do not gather them.
    if (pending.size() > k_longest_line) pending.resize(k_longest_line);
  }
}

/// What a manifest holds, seen from the lines that are wanted (key -> line).
struct Findings {
  std::uint64_t complete = 0;  // bytes in complete lines
  bool replace = false;        // a line is stale, double, or garbage
  std::map<std::string, bool> present;
};

bool is_garbage(std::string_view line) {
  return line.find('\0') != std::string_view::npos;
}

struct Wanted {
  std::map<std::string, std::optional<Digest>> lines;    // key -> digest; nothing: no line
  std::set<std::pair<std::string, std::string>> untrue;  // key and hex that are not to be there

  bool is_untrue(const ParsedLine& line) const {
    return !untrue.empty() && untrue.contains({line.key, text::lower(line.hex)});
  }
};

Result<Findings> examine(int fd, const Wanted& wanted) {
  Findings findings;
  REELKEEP_ASSIGN(findings.complete, for_each_line(fd, [&](std::string_view line) -> Status {
                    const auto parsed = parse_line(line);
                    if (!parsed) {
                      findings.replace = findings.replace || is_garbage(line);
                      return {};
                    }
                    if (wanted.is_untrue(*parsed)) findings.replace = true;
                    const auto found = wanted.lines.find(parsed->key);
                    if (found == wanted.lines.end()) return {};
                    bool& present = findings.present[parsed->key];
                    const bool right = found->second && found->second->hex() == parsed->hex;
                    if (present || !right) findings.replace = true;
                    present = true;
                    return {};
                  }));
  return findings;
}

/// Copies every line of `from` that is neither garbage nor about a wanted path, then the wanted
/// ones.
Status write_replacement(int from, int to, const Wanted& wanted, const std::string& lines,
                         std::uint64_t& size) {
  std::string out;
  const auto flush = [&]() -> Status {
    REELKEEP_TRY(
        write_all(to, std::as_bytes(std::span(out)), static_cast<off_t>(size), manifest_name()));
    size += out.size();
    out.clear();
    return {};
  };
  if (from >= 0) {
    auto copied = for_each_line(from, [&](std::string_view line) -> Status {
      const auto parsed = parse_line(line);
      if (is_garbage(line)) return {};
      if (parsed && (wanted.lines.contains(parsed->key) || wanted.is_untrue(*parsed))) return {};
      out.append(line).push_back('\n');
      return out.size() > k_longest_line ? flush() : Status();
    });
    if (!copied) return copied.error();
  }
  out += lines;
  return flush();
}

Status replace_manifest(int folder, int temp_folder, int from, const Wanted& wanted,
                        const std::string& lines) {
  for (const int temp_place : {temp_folder, folder}) {
    REELKEEP_ASSIGN(TempFile temp, TempFile::create(temp_place));
    std::uint64_t size = 0;
    REELKEEP_TRY(write_replacement(from, temp.fd(), wanted, lines, size));
    if (size == 0) {
      if (::unlinkat(folder, manifest_name().c_str(), 0) != 0 && errno != ENOENT)
        return Error::from_errno(errno, "cannot remove the empty " + manifest_name());
      return sync_file(folder, "the folder of " + manifest_name());
    }
    if (::fchmod(temp.fd(), 0640) != 0)
      return Error::from_errno(errno, "cannot set the mode of " + manifest_name());
    REELKEEP_TRY(sync_file(temp.fd(), manifest_name()));
    crash_point("manifest.before_rename");
    if (::renameat(temp.directory(), temp.name().c_str(), folder, manifest_name().c_str()) == 0) {
      temp.renamed();
      return sync_file(folder, "the folder of " + manifest_name());
    }
    // A folder on a filesystem of its own: once more, beside the manifest.
    if (errno != EXDEV) return Error::from_errno(errno, "cannot replace " + manifest_name());
  }
  return Error{Errc::unavailable, "cannot replace " + manifest_name()};
}

Result<UniqueFd> open_manifest(int folder) {
  UniqueFd file(
      ::openat(folder, manifest_name().c_str(), O_RDWR | O_APPEND | O_CLOEXEC | O_NOFOLLOW));
  if (file || errno == ENOENT) return file;
  if (errno == ELOOP)
    return Error{Errc::conflict, manifest_name() +
                                     " is a symbolic link, which is never followed: "
                                     "move it away"};
  return Error::from_errno(errno, "cannot open " + manifest_name());
}

/// One write; all of it or nothing stays. Lines whose sync failed go too: a second sync of them
/// would say yes to bytes that the kernel has dropped.
Status append_lines(int fd, std::uint64_t at, const std::string& lines) {
  if (::ftruncate(fd, static_cast<off_t>(at)) != 0)
    return Error::from_errno(errno, "cannot cut the torn end of " + manifest_name());
  ssize_t n = 0;
  do n = ::write(fd, lines.data(), lines.size());
  while (n < 0 && errno == EINTR);
  Error error = Error::from_errno(n < 0 ? errno : ENOSPC, "cannot append to " + manifest_name());
  if (n == static_cast<ssize_t>(lines.size())) {
    const Status synced = sync_file(fd, manifest_name());
    if (synced) return {};
    error = synced.error();
  }
  if (::ftruncate(fd, static_cast<off_t>(at)) != 0) error.message += " (and a torn line is left)";
  return error;
}

std::string key_of(const ManifestLine& line) {
  std::string text = manifest_text(line);
  text.pop_back();
  return parse_line(text)->key;
}

}  // namespace

std::string manifest_text(const ManifestLine& line) {
  // To `sha256sum -c` the name "-" is its standard input.
  const std::string name = line.path == "-" ? "./-" : line.path;
  std::string escaped;
  for (const char c : name) {
    if (c == '\\')
      escaped += "\\\\";
    else if (c == '\n')
      escaped += "\\n";
    else if (c == '\r')
      escaped += "\\r";
    else
      escaped += c;
  }
  return (escaped == name ? "" : "\\") + line.digest.hex() + "  " + escaped + "\n";
}

Status add_to_manifest(int folder, int temp_folder, std::span<const ManifestLine> lines,
                       std::span<const ManifestLine> untrue) {
  Wanted wanted;
  for (const ManifestLine& line : untrue) wanted.untrue.emplace(key_of(line), line.digest.hex());
  std::map<std::string, std::string> texts;
  for (const ManifestLine& line : lines) {
    const std::string key = key_of(line);
    wanted.lines[key] = line.digest;
    texts[key] = manifest_text(line);
  }
  std::string all;
  for (const auto& [key, text] : texts) all += text;
  REELKEEP_ASSIGN(const UniqueFd file, open_manifest(folder));
  if (!file) return replace_manifest(folder, temp_folder, -1, wanted, all);

  REELKEEP_ASSIGN(const Findings findings, examine(file.get(), wanted));
  std::string missing;
  for (const auto& [key, text] : texts)
    if (!findings.present.contains(key)) missing += text;
  // Lines that are there already are written anew all the same: whoever wrote them may have been
  // killed before their sync, or that sync may have failed.
  if (missing.empty() && !findings.replace)
    return replace_manifest(folder, temp_folder, file.get(), {}, "");
  const bool one_page = findings.complete % k_page + missing.size() <= k_page;
  const bool append = findings.complete > 0 && !findings.replace &&
                      (one_page || findings.complete > k_largest_replaced);
  if (append) return append_lines(file.get(), findings.complete, missing);
  return replace_manifest(folder, temp_folder, file.get(), wanted, all);
}

Status remove_from_manifest(int folder, int temp_folder, const std::string& path) {
  REELKEEP_ASSIGN(const UniqueFd file, open_manifest(folder));
  if (!file) return {};
  const std::string key = key_of(ManifestLine{path, Digest{}});
  const Wanted wanted{.lines = {{key, std::nullopt}}, .untrue = {}};
  REELKEEP_ASSIGN(const Findings findings, examine(file.get(), wanted));
  if (!findings.present.contains(key)) return {};
  return replace_manifest(folder, temp_folder, file.get(), wanted, "");
}

}  // namespace reelkeep::fs
