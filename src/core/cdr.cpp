#include "core/cdr.hpp"

#include "reelkeep/base/text.hpp"

#include "core/breaker.hpp"

namespace reelkeep::core {

SourceKey cdr_key(const ConfNum& conf_num) {
  return SourceKey("cdr/conf/" + text::percent_encode(conf_num.get()));
}

OfferedFile cdr_file(const ApiAccess& api, const ConfNum& conf_num) {
  const SourceKey key = cdr_key(conf_num);
  return OfferedFile{api.url.without_user_info() + key.get(), key, "cdr.json"};
}

HostRules api_rules(const ApiAccess& api) {
  HostRules rules{.allow_plain_http = api.url.scheme() == "http", .allow_private_addresses = true};
  const std::string& host = api.url.host();
  const std::string bracketed = host.find(':') == std::string::npos ? host : "[" + host + "]";
  if (auto only = HostPattern::parse(bracketed + ":" + std::to_string(api.url.effective_port())))
    rules.hosts.push_back(*std::move(only));
  return rules;
}

Result<Way> way_to(const Artifact& artifact, const ProjectPolicy& project) {
  if (access_of(artifact.identity.kind) != Access::api) {
    auto url = Url::parse(artifact.url);
    if (!url) return url.error().within("the offered URL");
    return Way{*std::move(url), project.credential, project.rules};
  }
  if (!project.api)
    return Error{Errc::unavailable,
                 "the CDR is asked for with api_id and api_key, which the [[project]] block does "
                 "not give any more"};
  // The API may have moved since the session.
  auto url = Url::parse(cdr_file(*project.api, artifact.identity.session.conf_num).url);
  if (!url) return url.error().within("the URL of the CDR");
  return Way{*std::move(url), project.api->credential, api_rules(*project.api)};
}

std::optional<Credential> api_credential(const Policy& policy, const Artifact& artifact) {
  const ProjectPolicy* project = policy.project(artifact.identity.session.app_id);
  if (access_of(artifact.identity.kind) != Access::api || project == nullptr || !project->api)
    return std::nullopt;
  return project->api->credential;
}

}  // namespace reelkeep::core
