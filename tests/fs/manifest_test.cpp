#include "fs/manifest.hpp"

#include <algorithm>
#include <cctype>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <filesystem>
#include <string>
#include <vector>

#include "reelkeep/base/unique_fd.hpp"

#include "crypto/sha256.hpp"
#include "fs/process.hpp"
#include "support/temp_dir.hpp"

using namespace reelkeep;
using namespace reelkeep::testing;
using fs::ManifestLine;

namespace {

const std::string k_name(fs::k_manifest_name);

/// A folder with files whose content is their name.
struct Folder {
  TempDir dir;
  TempDir temp;
  UniqueFd fd{::open(dir.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  UniqueFd temp_fd{::open(temp.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};

  ManifestLine file(const std::string& name) const {
    dir.write(name, name);
    return ManifestLine{name, sha256(name)};
  }
  Status add(const std::vector<ManifestLine>& lines,
             const std::vector<ManifestLine>& untrue = {}) const {
    return fs::add_to_manifest(fd.get(), temp_fd.get(), lines, untrue);
  }
  Status remove(const std::string& path) const {
    return fs::remove_from_manifest(fd.get(), temp_fd.get(), path);
  }
  std::string manifest() const { return dir.read(k_name); }
  ino_t inode() const {
    struct stat status {};
    ::stat(dir.path(k_name).c_str(), &status);
    return status.st_ino;
  }
};

std::size_t lines_in(const std::string& text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

}  // namespace

TEST_CASE("lines are written as sha256sum writes them") {
  Folder folder;
  for (const std::string name : {"plain", "with space", "back\\slash", "new\nline", "return\r"}) {
    CAPTURE(name);
    folder.dir.write(name, name);
    const std::string out = folder.temp.path("out");
    const std::string quoted = "'" + name + "'";
    REQUIRE(std::system(
                ("cd " + folder.dir.path() + " && sha256sum " + quoted + " > " + out).c_str()) ==
            0);
    CHECK(folder.temp.read("out") == fs::manifest_text({name, sha256(name)}));
  }
}

TEST_CASE("a line is added once, however often it is added") {
  const Folder folder;
  const ManifestLine a = folder.file("a");
  const ManifestLine b = folder.file("b");
  REQUIRE(folder.add({a, a}));
  REQUIRE(folder.add({a, b}));
  REQUIRE(folder.add({b}));
  CHECK(folder.manifest() == fs::manifest_text(a) + fs::manifest_text(b));
}

TEST_CASE("a line that ends like another one is not taken for it") {
  const Folder folder;
  const ManifestLine longer = folder.file("dir/a");
  const ManifestLine shorter = folder.file("a");
  REQUIRE(folder.add({longer}));
  REQUIRE(folder.add({shorter}));
  CHECK(lines_in(folder.manifest()) == 2);
  REQUIRE(folder.remove("a"));
  CHECK(folder.manifest() == fs::manifest_text(longer));
}

TEST_CASE("a torn last line is dropped when the next one is added") {
  const Folder folder;
  const ManifestLine a = folder.file("a");
  const ManifestLine b = folder.file("b");
  const std::string whole = fs::manifest_text(b);
  for (std::size_t length = 1; length < whole.size(); length += 13) {
    folder.dir.write(k_name, fs::manifest_text(a) + whole.substr(0, length));
    REQUIRE(folder.add({b}));
    CHECK(folder.manifest() == fs::manifest_text(a) + whole);
  }
  folder.dir.write(k_name, whole.substr(0, 20));
  REQUIRE(folder.add({b}));
  CHECK(folder.manifest() == whole);
  folder.dir.write(k_name, "");
  REQUIRE(folder.add({b}));
  CHECK(folder.manifest() == whole);
}

TEST_CASE("a torn end is dropped even when nothing is missing") {
  const Folder folder;
  const ManifestLine a = folder.file("a");
  folder.dir.write(k_name, fs::manifest_text(a) + "0123");
  REQUIRE(folder.add({a}));
  CHECK(folder.manifest() == fs::manifest_text(a));
}

TEST_CASE("zeros that a power cut left are dropped") {
  const Folder folder;
  const ManifestLine a = folder.file("a");
  const ManifestLine b = folder.file("b");
  folder.dir.write(k_name, fs::manifest_text(a) + std::string(70000, '\0'));
  REQUIRE(folder.add({b}));
  CHECK(folder.manifest() == fs::manifest_text(a) + fs::manifest_text(b));
  folder.dir.write(k_name, std::string(40, '\0') + "\n" + fs::manifest_text(a));
  REQUIRE(folder.add({a}));
  CHECK(folder.manifest() == fs::manifest_text(a));
}

TEST_CASE("stale and double lines of a path are replaced by the right one, others stay") {
  const Folder folder;
  const ManifestLine a = folder.file("a");
  const ManifestLine b = folder.file("b");
  const std::string note = "# kept by hand\n";
  const std::string stale = fs::manifest_text({"a", sha256("old")});
  folder.dir.write(k_name, note + stale + fs::manifest_text(b));
  REQUIRE(folder.add({a}));
  CHECK(folder.manifest() == note + fs::manifest_text(b) + fs::manifest_text(a));
  folder.dir.write(k_name, fs::manifest_text(a) + fs::manifest_text(b) + fs::manifest_text(a));
  REQUIRE(folder.add({a}));
  CHECK(folder.manifest() == fs::manifest_text(b) + fs::manifest_text(a));
}

TEST_CASE("an untrue line goes, another one of its path stays") {
  const Folder folder;
  const ManifestLine a = folder.file("a");
  const ManifestLine b = folder.file("b");
  std::string theirs = a.digest.hex() + " *a\n";
  std::transform(theirs.begin(), theirs.begin() + 64, theirs.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  folder.dir.write(k_name, theirs + fs::manifest_text(b));
  REQUIRE(folder.add({folder.file("c")}, {{"a", a.digest}, {"b", sha256("old")}}));
  CHECK(folder.manifest() == fs::manifest_text(b) + fs::manifest_text({"c", sha256("c")}));
}

TEST_CASE("a line of another writer counts, with its star and its capitals") {
  const Folder folder;
  const ManifestLine a = folder.file("a");
  const std::string theirs = a.digest.hex() + " *a\n";
  folder.dir.write(k_name, theirs);
  REQUIRE(folder.add({a}));
  CHECK(folder.manifest() == theirs);
}

TEST_CASE("an append never crosses a page, so that no reader sees half of it") {
  const Folder folder;
  REQUIRE(folder.add({folder.file("name-0000")}));
  for (int i = 1; i < 300; ++i) {
    const ino_t before = folder.inode();
    const auto pages = folder.manifest().size() / 4096;
    const ManifestLine line = folder.file("name-" + std::to_string(1000 + i));
    REQUIRE(folder.add({line}));
    const auto end = folder.manifest().size();
    if (folder.inode() == before) CHECK((end - 1) / 4096 == pages);
  }
  CHECK(lines_in(folder.manifest()) == 300);
  CHECK(sha256sum_accepts(folder.dir.path()));
}

TEST_CASE("a manifest of many thousand lines is appended to and not rewritten") {
  const Folder folder;
  std::string text;
  for (int i = 0; i < 20000; ++i)
    text += fs::manifest_text({"file-" + std::to_string(i), sha256(std::to_string(i))});
  folder.dir.write(k_name, text);
  const ino_t before = folder.inode();
  std::vector<ManifestLine> lines;
  for (int i = 19990; i < 20100; ++i)
    lines.push_back({"file-" + std::to_string(i), sha256(std::to_string(i))});
  REQUIRE(folder.add(lines));
  CHECK(folder.inode() == before);
  CHECK(lines_in(folder.manifest()) == 20100);
  CHECK(folder.manifest().starts_with(text));
}

TEST_CASE(
    "removing a path that has no line, or has no manifest, is a success that changes nothing") {
  const Folder folder;
  CHECK(folder.remove("a"));
  CHECK_FALSE(folder.dir.exists(k_name));
  const ManifestLine a = folder.file("a");
  REQUIRE(folder.add({a}));
  const ino_t before = folder.inode();
  CHECK(folder.remove("b"));
  CHECK(folder.inode() == before);
}

TEST_CASE("a disk that fills up in the middle of a line leaves the manifest as it was") {
  const Folder folder;
  const ManifestLine a = folder.file("a");
  REQUIRE(folder.add({a}));
  const std::string before = folder.manifest();
  const ManifestLine b = folder.file("b");
  const int status = in_child([&] {
    limit_file_size(before.size() + 30);
    const Status added = folder.add({b});
    return !added && added.error().code == Errc::no_space ? 0 : 1;
  });
  CHECK(status == 0);
  CHECK(folder.manifest() == before);
  REQUIRE(folder.add({b}));
  CHECK(folder.manifest() == before + fs::manifest_text(b));
}
