// Every seed and every finding, in any build: whatever a fuzzer once found stays mended.
#include <doctest/doctest.h>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "fuzz/targets.hpp"

namespace reelkeep::fuzz {
namespace {

namespace stdfs = std::filesystem;

/// Where a target's seeds lie: its own, and the cases that other tests have anyway.
std::vector<stdfs::path> folders_of(std::string_view target) {
  const stdfs::path tests = stdfs::path(REELKEEP_SOURCE_DIR) / "tests";
  std::vector<stdfs::path> folders{tests / "fuzz" / "seeds" / target};
  if (target == "payload" || target == "masking") folders.push_back(tests / "cases" / "webhook");
  if (target == "api_answer") folders.push_back(tests / "cases" / "archive");
  if (target == "config") folders.push_back(tests / "cases" / "config");
  return folders;
}

std::string content(const stdfs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

}  // namespace

TEST_CASE("every seed and every finding has the properties of its target") {
  for (const Target& target : targets()) {
    target.run("");
    int seeds = 0;
    for (const auto& folder : folders_of(target.name)) {
      REQUIRE(stdfs::is_directory(folder));
      for (const auto& entry : stdfs::recursive_directory_iterator(folder)) {
        if (!entry.is_regular_file()) continue;
        CAPTURE(entry.path().string());
        target.run(content(entry.path()));
        ++seeds;
      }
    }
    CAPTURE(target.name);
    CHECK(seeds >= 5);
  }
}

}  // namespace reelkeep::fuzz
