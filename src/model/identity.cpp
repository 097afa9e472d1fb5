#include "reelkeep/model/identity.hpp"

#include <string_view>

namespace reelkeep {

std::string identity_text(const ArtifactIdentity& identity) {
  std::string text;
  const auto append = [&text](std::string_view field) {
    text.append(std::to_string(field.size())).append(":").append(field);
  };
  append(identity.session.app_id.get());
  append(identity.session.conf_num.get());
  append(to_string(identity.kind));
  append(identity.source_key.get());
  append(identity.stage);
  return text;
}

}  // namespace reelkeep
