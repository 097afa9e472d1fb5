#include "core/cdr.hpp"

#include "reelkeep/base/text.hpp"

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

}  // namespace reelkeep::core
