#pragma once

#include <memory>

#include "reelkeep/port/http_client.hpp"
#include "reelkeep/port/provider_api.hpp"

namespace reelkeep::enablex {

/// The REST API over `http`, which is borrowed. An answer is read up to 32 MiB: ask for days, not
/// for years.
std::unique_ptr<ProviderApi> make_provider_api(HttpClient& http);

/// "archive/conf/{conf_num}", "archive/period/2026-01-03/2026-01-04", ... Pure.
std::string archive_route(const ArchiveQuery& query);

/// The items of a listing; Errors as of ProviderApi::archive. Pure.
Result<std::vector<std::string>> read_listing(const HttpAnswer& answer, const ApiAccess& access);

}  // namespace reelkeep::enablex
