#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>

#include "core/house.hpp"

using namespace reelkeep;
using namespace reelkeep::testing;
namespace stdfs = std::filesystem;

namespace {

/// The last segments of URLs, percent-encoded, one a line.
std::vector<std::string> hostile_names() {
  std::ifstream in(REELKEEP_NAMES);
  std::vector<std::string> names;
  for (std::string line; std::getline(in, line);) names.push_back(line);
  return names;
}

std::string bytes_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace

TEST_CASE(
    "whatever files are called, each is archived below the root, whole and in its own place") {
  House house;
  const std::vector<std::string> names = hostile_names();
  REQUIRE(names.size() >= 60);
  std::map<std::string, std::string> digests;  // by display of the URL
  std::string urls;
  for (std::size_t i = 0; i < names.size(); ++i) {
    // A folder for each, so that equal names are still files of their own.
    const std::string url = "https://portal.enablex.io/p/" + std::to_string(i) + "/" + names[i];
    INFO(url);
    const auto parsed = Url::parse(url);
    REQUIRE(parsed.has_value());
    const std::string content = movie(std::to_string(i));
    house.reply(parsed->display(), {{{}, content}});
    digests[parsed->display()] = content;
    urls += (i == 0 ? "\"" : ",\"") + url + "\"";
  }
  REQUIRE(digests.size() == names.size());
  house.start();
  house.deliver(body("recording", ",\"recording\":[" + urls + "]"));
  const SessionView view = house.until([&](const SessionView& v) {
    return v.artifacts.size() == names.size() &&
           std::ranges::all_of(v.artifacts, [](const ArtifactView& a) {
             return a.artifact.state == ArtifactState::archived;
           });
  });
  house.stop();

  const std::string folder = house.dir.path("archive/r1/c1");
  std::multiset<std::string> expected;
  for (const auto& [url, content] : digests) expected.insert(content);
  std::multiset<std::string> found;
  for (const auto& entry : stdfs::recursive_directory_iterator(folder)) {
    INFO(entry.path().string());
    CHECK_FALSE(entry.is_symlink());
    if (!entry.is_regular_file() || entry.path() == folder + "/manifest-sha256.txt") continue;
    CHECK(entry.path().parent_path() == folder + "/recording");
    const std::string name = entry.path().filename().string();
    CHECK(name.size() <= 200);
    CHECK(std::ranges::none_of(
        name, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }));
    found.insert(bytes_of(entry.path().string()));
  }
  CHECK(found == expected);
  const std::string alike =
      "python3 '" REELKEEP_ALIKE "' '" + folder + "/recording' '" REELKEEP_NAMES "' >&2";
  CHECK(std::system(alike.c_str()) == 0);  // NOLINT(cert-env33-c,concurrency-mt-unsafe)
  // Nothing else came into being in the archive or beside it.
  for (const auto& entry : stdfs::recursive_directory_iterator(house.dir.path()))
    if (entry.is_regular_file() &&
        bytes_of(entry.path().string()).starts_with(movie("").substr(0, 20)))
      CHECK(entry.path().string().starts_with(folder + "/recording/"));
  const std::string audit =
      "cd '" + folder + "' && sha256sum --check --strict --quiet manifest-sha256.txt >&2";
  CHECK(std::system(audit.c_str()) == 0);  // NOLINT(cert-env33-c,concurrency-mt-unsafe)
  std::ifstream manifest(folder + "/manifest-sha256.txt");
  std::size_t lines = 0;
  for (std::string line; std::getline(manifest, line);) ++lines;
  CHECK(lines == names.size());
}

TEST_CASE("a link planted in the archive for a session's folder is not followed") {
  House house;
  house.offer({"https://portal.enablex.io/p/1.mov"}, {{}, movie("one")}, "c0");
  house.start();
  house.until(
      [](const SessionView& v) {
        return !v.artifacts.empty() && first(v).state == ArtifactState::archived;
      },
      "c0");
  stdfs::create_directory(house.dir.path("outside"));
  stdfs::create_directory_symlink(house.dir.path("outside"), house.dir.path("archive/r1/c1"));
  house.offer({k_url}, {{}, movie("two")});
  house.until(
      [](const SessionView& v) { return !v.artifacts.empty() && first(v).error.has_value(); });
  house.stop();
  CHECK(stdfs::is_empty(house.dir.path("outside")));
}
