#include <cstdlib>
#include <doctest/doctest.h>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sys/stat.h>

#include "daemon/case_folder.hpp"
#include "daemon/config_load.hpp"
#include "support/temp_dir.hpp"

namespace reelkeep::daemon {
namespace {

namespace stdfs = std::filesystem;

std::string without(std::string text, const std::string& part) {
  for (std::size_t at = 0; (at = text.find(part, at)) != std::string::npos;)
    text.erase(at, part.size());
  return text;
}

/// Exactly what a person is told, one line each, with the folder's own path taken out.
std::string told(const ConfigResult& result, const std::string& folder) {
  std::string lines;
  for (const Problem& problem : result.problems) lines += problem.text() + "\n";
  for (const Problem& warning : result.warnings) lines += "warning: " + warning.text() + "\n";
  return without(lines, folder + "/");
}

std::string content(const stdfs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

}  // namespace

TEST_CASE("each configuration in tests/cases/config gets exactly the messages of its expect file") {
  const auto folders = testing::case_folders("config");
  REQUIRE(folders.size() > 20);
  for (const auto& folder : folders) {
    CAPTURE(folder.filename().string());
    // A copy, so that file modes do not depend on how the sources were checked out.
    const testing::TempDir copy;
    stdfs::copy(folder, copy.path(), stdfs::copy_options::recursive);
    for (const auto& entry : stdfs::recursive_directory_iterator(copy.path()))
      if (entry.is_regular_file()) REQUIRE(::chmod(entry.path().c_str(), 0640) == 0);

    const ConfigResult result = load_config(copy.path("config.toml"), Environment{});
    const std::string lines = told(result, copy.path());
    CHECK(result.config.has_value() == result.problems.empty());
    // REELKEEP_ACCEPT=1 writes what is told now; the diff is then read by a person.
    if (std::getenv("REELKEEP_ACCEPT") != nullptr) std::ofstream(folder / "expect") << lines;
    REQUIRE(stdfs::exists(folder / "expect"));
    CHECK(lines == content(folder / "expect"));
  }
}

}  // namespace reelkeep::daemon
