#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include "reelkeep/base/text.hpp"

#include "contract/destination_contract.hpp"
#include "curl/destination.hpp"

namespace reelkeep::testing {

/// What tests/support/with_vsftpd.sh or with_sshd.sh tells.
inline std::string told(const char* name) {
  const char* value = std::getenv(name);
  if (value == nullptr)
    throw std::runtime_error("run it by tests/support/with_vsftpd.sh or with_sshd.sh");
  return value;
}

/// A fresh folder below the root of a server that this machine runs.
class ServerPlace final : public contract::DestinationPlace {
 public:
  ServerPlace(curl::ServerAccess with, std::string scheme, const std::string& root)
      : access(std::move(with)), m_scheme(std::move(scheme)) {
    std::string pattern = root + "/place-XXXXXX";
    if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no folder in " + root);
    m_folder = pattern;
  }

  std::unique_ptr<Destination> make() override {
    return curl::make_server_destination(StoreId("there"), [this] { return access; });
  }
  std::string location(const std::string& path) override {
    // Whatever host a location names: the configured one is asked.
    return m_scheme + "://host.invalid/" + text::percent_encode(path, "/");
  }
  void put(const std::string& path, const std::string& bytes) override {
    const std::filesystem::path file = m_folder / path;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary | std::ios::trunc) << bytes;
  }
  std::optional<std::string> bytes(const std::string& path) override {
    std::ifstream file(m_folder / path, std::ios::binary);
    if (!file) return std::nullopt;
    std::ostringstream all;
    all << file.rdbuf();
    return all.str();
  }
  bool has_versions() override {
    return access.protocol != curl::ServerAccess::Protocol::scp;  // it sends no time
  }
  [[nodiscard]] std::string folder() const { return m_folder.string(); }

  curl::ServerAccess access;

 private:
  const std::string m_scheme;
  std::filesystem::path m_folder;
};

inline void set_address(curl::ServerAccess& access, const std::string& address) {
  const auto colon = address.rfind(':');
  access.host = address.substr(0, colon);
  access.port = static_cast<std::uint16_t>(std::stoi(address.substr(colon + 1)));
}

}  // namespace reelkeep::testing
