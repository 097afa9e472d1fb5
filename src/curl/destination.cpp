#include "curl/destination.hpp"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <utility>
#include <vector>

#include "reelkeep/base/text.hpp"

#include "curl/server_path.hpp"
#include "curl/server_request.hpp"

namespace reelkeep::curl {
namespace {

using Protocol = ServerAccess::Protocol;
using Want = ServerRequest::Want;

constexpr std::size_t k_idle_handles = 4;

std::string_view scheme_of(Protocol protocol) {
  switch (protocol) {
    case Protocol::ftp:
    case Protocol::ftp_explicit:
      return "ftp";
    case Protocol::ftp_implicit:
      return "ftps";
    case Protocol::sftp:
      return "sftp";
    case Protocol::scp:
      return "scp";
  }
  return "";
}

/// As libcurl checks nothing for us when SCP starts over.
class Skipping {
 public:
  Skipping(const Destination::Sink& sink, ByteCount skip) : m_sink(sink), m_skip(skip.get()) {}
  Status operator()(std::span<const std::byte> bytes) {
    const auto dropped = static_cast<std::size_t>(std::min<std::uint64_t>(m_skip, bytes.size()));
    m_skip -= dropped;
    if (dropped == bytes.size()) return {};
    return m_sink(bytes.subspan(dropped));
  }

 private:
  const Destination::Sink& m_sink;
  std::uint64_t m_skip;
};

class ServerDestination final : public Destination {
 public:
  ServerDestination(StoreId id, std::function<ServerAccess()> access)
      : m_id(std::move(id)), m_access(std::move(access)) {
    initialise();
  }

  [[nodiscard]] const StoreId& id() const override { return m_id; }

  Result<DestinationFile> stat(const std::string& location) override {
    const ServerAccess access = m_access();
    REELKEEP_ASSIGN(const std::string path, path_at_server(location, access));
    return look(access, path);
  }

  Status read(const std::string& location, ByteCount offset, const Sink& sink) override {
    const ServerAccess access = m_access();
    REELKEEP_ASSIGN(const std::string path, path_at_server(location, access));
    Lease lease(*this, access);
    ServerRequest request(lease.easy(), access, m_interrupted);
    const bool starts_over = access.protocol == Protocol::scp;
    Skipping skipping(sink, offset);
    const Sink wanted = starts_over ? Sink(std::ref(skipping)) : sink;
    request.give_to(wanted);
    if (!starts_over) request.start_at(offset);
    auto told = request.run(Want::bytes, scheme_of(access.protocol), path);
    if (told) return {};
    lease.drop();
    return unproven(told.error(), request.code(), access, path);
  }

  [[nodiscard]] std::string location_of(const std::string& path) const override {
    return location_at_server(path, m_access());
  }

  Result<MovedFile> move(const std::string& from, const std::string& to, ByteCount size) override {
    ServerAccess access = m_access();
    // The same server with the same login; SCP knows no renaming.
    if (access.protocol == Protocol::scp) access.protocol = Protocol::sftp;
    REELKEEP_ASSIGN(const std::string old_path, path_at_server(from, access));
    REELKEEP_ASSIGN(const std::string new_path, path_at_server(to, access));
    auto there = look(access, new_path);
    if (!there && there.error().code != Errc::not_found) return there.error();
    if (there && old_path == new_path) return MovedFile{*std::move(there)};
    const auto here = look(access, old_path);
    if (there) {
      if (!here && here.error().code == Errc::not_found && there->size == size)
        return MovedFile{.file = *std::move(there), .is_doubtful = true};
      if (!here && here.error().code != Errc::not_found) return here.error();
      return Error{Errc::conflict, to + " exists already"};
    }
    if (!here) return here.error();
    REELKEEP_TRY(rename(access, old_path, new_path));
    auto moved = look(access, new_path);
    if (!moved) return moved.error().within("after the rename");
    if (moved->size == here->size) return MovedFile{*std::move(moved)};
    return Error{Errc::unavailable, to + " has another size after the rename"};
  }

  void interrupt() noexcept override { m_interrupted = true; }

 private:
  /// A handle with its connection, given back unless something went wrong on it.
  class Lease {
   public:
    Lease(ServerDestination& owner, const ServerAccess& access)
        : m_owner(owner), m_access(access), m_easy(owner.take(access)) {}
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    ~Lease() {
      if (m_easy) m_owner.put_back(m_access, std::move(m_easy));
    }
    [[nodiscard]] CURL* easy() const noexcept { return m_easy.get(); }
    void drop() noexcept { m_easy.reset(); }

   private:
    ServerDestination& m_owner;
    const ServerAccess& m_access;
    Easy m_easy;
  };

  Result<DestinationFile> look(const ServerAccess& access, const std::string& path) {
    Lease lease(*this, access);
    ServerRequest request(lease.easy(), access, m_interrupted);
    auto told = request.run(Want::size, scheme_of(access.protocol), path);
    if (!told) {
      lease.drop();
      return unproven(told.error(), request.code(), access, path);
    }
    DestinationFile file;
    // An SSH server that sends nothing has told an empty file.
    const bool ssh = access.protocol == Protocol::sftp || access.protocol == Protocol::scp;
    if (!told->size && !ssh)
      return Error{Errc::unavailable, access.host + " does not tell the size of a file"};
    file.size = told->size.value_or(ByteCount(0));
    if (told->time >= 0)
      file.version = std::to_string(told->time) + "-" + std::to_string(file.size.get());
    return file;
  }

  /// Only SFTP says "no such file" and means it. By SCP the same server is asked by SFTP; FTP has
  /// one answer for all refusals, so the folder is listed.
  Error unproven(Error error, CURLcode code, const ServerAccess& access, const std::string& path) {
    if (code != CURLE_REMOTE_FILE_NOT_FOUND || error.code != Errc::not_found) return error;
    switch (access.protocol) {
      case Protocol::sftp:
        return error;
      case Protocol::scp: {
        ServerAccess other = access;
        other.protocol = Protocol::sftp;
        const auto seen = look(other, path);
        if (!seen && seen.error().code == Errc::not_found) return error;
        return {Errc::unavailable, access.host + " does not send " + text::printable(path) +
                                       " by SCP" + (seen ? "" : ": " + seen.error().message)};
      }
      case Protocol::ftp:
      case Protocol::ftp_explicit:
      case Protocol::ftp_implicit:
        break;
    }
    const auto absent = is_absent(access, path);
    if (!absent) return absent.error();
    if (*absent) return error;
    return {Errc::unauthorized, access.host + ": \"" + access.username + "\" may not read " +
                                    text::printable(path) + ", although it is there"};
  }

  /// A folder that can be entered lists what is in it; one that cannot be entered is looked for in
  /// the one above.
  Result<bool> is_absent(const ServerAccess& access, const std::string& path) {
    const std::size_t slash = path.rfind('/');
    const bool at_top = slash == std::string::npos || slash == 0;
    const std::string folder = slash == std::string::npos ? "" : path.substr(0, slash);
    Lease lease(*this, access);
    ServerRequest request(lease.easy(), access, m_interrupted);
    auto told = request.run(Want::names, scheme_of(access.protocol), folder + "/");
    if (told) {
      const std::string name = path.substr(slash == std::string::npos ? 0 : slash + 1);
      return !lists(told->names, name);
    }
    lease.drop();
    const bool closed = request.code() == CURLE_REMOTE_ACCESS_DENIED ||
                        request.code() == CURLE_REMOTE_FILE_NOT_FOUND;
    if (!closed || at_top) return told.error();
    REELKEEP_ASSIGN(const bool folder_absent, is_absent(access, folder));
    if (folder_absent) return true;
    return Error{Errc::unauthorized, access.host + ": \"" + access.username + "\" may not enter " +
                                         text::printable(folder)};
  }

  static bool lists(std::string_view names, std::string_view wanted) {
    for (std::string_view line : text::split(names, '\n')) {
      if (line.ends_with('\r')) line.remove_suffix(1);
      if (line.substr(line.rfind('/') + 1) == wanted) return true;
    }
    return false;
  }

  Status rename(const ServerAccess& access, const std::string& from, const std::string& to) {
    Lease lease(*this, access);
    ServerRequest request(lease.easy(), access, m_interrupted);
    // '*': a folder that is there already is no failure.
    if (access.protocol == Protocol::sftp) {
      for (const std::string& folder : folders_of(to))
        request.add_command("*mkdir " + quoted_for_sftp(folder));
      request.add_command("rename " + quoted_for_sftp(from) + " " + quoted_for_sftp(to));
    } else {
      for (const std::string& folder : folders_of(to)) request.add_command("*MKD " + folder);
      request.add_command("RNFR " + from);
      request.add_command("RNTO " + to);
    }
    auto done = request.run(Want::commands, scheme_of(access.protocol), "");
    if (done) return {};
    lease.drop();
    if (request.code() == CURLE_QUOTE_ERROR)
      return done.error().within(text::printable(from) + " to " + text::printable(to));
    return done.error();
  }

  Easy take(const ServerAccess& access) {
    {
      std::lock_guard lock(m_mutex);
      // A kept connection knows the key and the login that it was made with, not the newer ones.
      if (!(m_idle_for == access)) {
        m_idle.clear();
        m_idle_for = access;
      }
      if (!m_idle.empty()) {
        Easy easy = std::move(m_idle.back());
        m_idle.pop_back();
        return easy;
      }
    }
    Easy easy(curl_easy_init());
    if (!easy) abort_broken_invariant("no memory for a request");
    return easy;
  }

  void put_back(const ServerAccess& access, Easy easy) {
    std::lock_guard lock(m_mutex);
    if (m_idle.size() < k_idle_handles && m_idle_for == access) m_idle.push_back(std::move(easy));
  }

  // constant after construction
  const StoreId m_id;
  const std::function<ServerAccess()> m_access;

  std::atomic<bool> m_interrupted = false;
  std::mutex m_mutex;
  ServerAccess m_idle_for;   // guarded by m_mutex
  std::vector<Easy> m_idle;  // guarded by m_mutex; each keeps its connection
};

}  // namespace

std::unique_ptr<Destination> make_server_destination(StoreId id,
                                                     std::function<ServerAccess()> access) {
  return std::make_unique<ServerDestination>(std::move(id), std::move(access));
}

}  // namespace reelkeep::curl
