#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "contract/store_contract.hpp"
#include "fs/local_store.hpp"
#include "support/memory_store.hpp"
#include "support/temp_dir.hpp"

namespace reelkeep::testing {

/// A local store in a directory. Staging is beside it on the same filesystem.
class LocalPlace final : public contract::StorePlace {
 public:
  explicit LocalPlace(fs::LocalStoreOptions options = {}) : m_options(std::move(options)) {}

  std::unique_ptr<Store> make() override {
    return fs::make_local_store(StoreId("local"), root(), m_options);
  }
  std::string stage(const std::string& bytes) override {
    return m_dir.write("staging/" + std::to_string(m_staged++) + ".part", bytes);
  }
  bool is_staged(const std::string& path) override { return std::filesystem::exists(path); }
  std::optional<std::string> stored(const std::string& path) override {
    if (!m_dir.exists("archive/" + path)) return std::nullopt;
    return m_dir.read("archive/" + path);
  }
  void store_directly(const std::string& path, const std::string& bytes) override {
    m_dir.write("archive/" + path, bytes);
  }
  void lose(const std::string& path) override {
    std::filesystem::remove(m_dir.path("archive/" + path));
  }
  void go_away() override { std::filesystem::rename(root(), m_dir.path("elsewhere")); }
  void come_back() override { std::filesystem::rename(m_dir.path("elsewhere"), root()); }

  [[nodiscard]] const TempDir& dir() const { return m_dir; }
  [[nodiscard]] std::string root() const { return m_dir.path("archive"); }

 private:
  const fs::LocalStoreOptions m_options;
  TempDir m_dir;
  int m_staged = 0;
};

class MemoryPlace final : public contract::StorePlace {
 public:
  std::unique_ptr<Store> make() override {
    return std::make_unique<MemoryStore>(StoreId("memory"), m_disk);
  }
  std::string stage(const std::string& bytes) override {
    return m_dir.write(std::to_string(m_staged++) + ".part", bytes);
  }
  bool is_staged(const std::string& path) override { return std::filesystem::exists(path); }
  std::optional<std::string> stored(const std::string& path) override {
    const std::lock_guard lock(m_disk.mutex);
    const auto file = m_disk.files.find(path);
    if (file == m_disk.files.end()) return std::nullopt;
    return file->second;
  }
  void store_directly(const std::string& path, const std::string& bytes) override {
    const std::lock_guard lock(m_disk.mutex);
    m_disk.files[path] = bytes;
  }
  void lose(const std::string& path) override {
    const std::lock_guard lock(m_disk.mutex);
    m_disk.files.erase(path);
  }
  void go_away() override { set_present(false); }
  void come_back() override { set_present(true); }

 private:
  void set_present(bool present) {
    const std::lock_guard lock(m_disk.mutex);
    m_disk.present = present;
  }
  TempDir m_dir;
  MemoryDisk m_disk;
  int m_staged = 0;
};

}  // namespace reelkeep::testing
