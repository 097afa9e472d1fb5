#include "reelkeep/model/identity.hpp"

#include <doctest/doctest.h>
#include <set>
#include <string>
#include <vector>

using namespace reelkeep;

namespace {
ArtifactIdentity identity(const char* app_id, const char* conf_num, ArtifactKind kind,
                          const char* source_key, const char* stage) {
  return {{AppId(app_id), ConfNum(conf_num)}, kind, SourceKey(source_key), stage};
}
}  // namespace

TEST_CASE("the text of an identity never changes: ids on disk depend on it") {
  CHECK(identity_text(identity("app1", "c1", ArtifactKind::live_recording,
                               "portal.enablex.io/path/file1.mov", "")) ==
        "4:app12:c114:live_recording32:portal.enablex.io/path/file1.mov0:");
  CHECK(identity_text(identity("", "", ArtifactKind::cdr, "", "final")) == "0:0:3:cdr0:5:final");
}

TEST_CASE("no two identities share a text") {
  using enum ArtifactKind;
  std::set<std::string> texts;
  const std::vector<ArtifactIdentity> all{
      identity("a", "b", recording, "k", ""),   identity("a", "b", recording, "k", "1"),
      identity("a", "b", recording, "k1", ""),  identity("a", "b", transcoded, "k", ""),
      identity("ab", "", recording, "k", ""),   identity("", "ab", recording, "k", ""),
      identity("a", "b1:k", recording, "", ""), identity("a", "b", recording, "k0:", ""),
      identity("1:a", "b", recording, "k", ""), identity("a", "1:b", recording, "k", ""),
  };
  for (const ArtifactIdentity& one : all) texts.insert(identity_text(one));
  CHECK(texts.size() == all.size());
}
