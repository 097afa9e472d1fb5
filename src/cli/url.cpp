// url: presigned URLs of what lies in S3 stores.
#include <algorithm>

#include "reelkeep/base/text.hpp"

#include "cli/commands.hpp"
#include "json/writer.hpp"

namespace reelkeep::cli {
namespace {

void add_urls(Scene scene, const UrlArguments& arguments, const SessionView& view,
              std::vector<std::string>& urls) {
  for (const ArtifactView& one : view.artifacts) {
    const ArtifactKind kind = one.artifact.identity.kind;
    if (!arguments.kinds.empty() &&
        std::find(arguments.kinds.begin(), arguments.kinds.end(), kind) == arguments.kinds.end())
      continue;
    for (const Replica& replica : one.replicas) {
      if (replica.state != ReplicaState::verified) continue;
      auto url = scene.state.presigned(
          replica, std::chrono::floor<std::chrono::seconds>(arguments.expires), scene.now);
      if (url) urls.push_back(*std::move(url));
    }
  }
}

}  // namespace

Status list_urls(Scene scene, const UrlArguments& arguments) {
  std::vector<std::string> urls;
  if (arguments.conf_num) {
    REELKEEP_ASSIGN(const SessionView view,
                    scene.state.find(*arguments.conf_num, arguments.app_id));
    add_urls(scene, arguments, view, urls);
  }
  for (const std::string& id : arguments.artifacts) {
    REELKEEP_ASSIGN(const SessionView view, scene.state.find_artifact(id));
    add_urls(scene, arguments, view, urls);
  }
  if (arguments.form == Form::json) {
    json::Writer writer(json::Layout::pretty);
    writer.begin_array();
    for (const std::string& url : urls) writer.value(url);
    writer.end_array();
    scene.output.line(writer.take());
  } else {
    for (const std::string& url : urls) scene.output.line(url);
  }
  if (!urls.empty()) return {};
  return Error{Errc::not_found,
               "no verified copy of that lies in an S3 store; reelkeep paths tells where it is"};
}

}  // namespace reelkeep::cli
