#pragma once

#include <vector>

#include "reelkeep/model/delivery.hpp"
#include "reelkeep/model/session.hpp"

#include "daemon/operator.hpp"
#include "json/json.hpp"

// The JSON that scripts rely on: names, order and shape never change. An absent value is null.
namespace reelkeep::cli {

/// `show --json`; of the artifacts only the one, where one is given.
void write_session(json::Writer& writer, const SessionView& view, const daemon::Operator& state,
                   Timestamp now, const std::optional<ArtifactId>& only = {});
/// An element of `sessions --json`; `after` is what --after goes on below.
void write_summary(json::Writer& writer, const SessionSummary& summary, Timestamp now,
                   std::int64_t after);
/// An element of `deliveries --json`.
void write_delivery(json::Writer& writer, const DeliveryRecord& record);
/// An array of replicas, as in `show --json`.
void write_replicas(json::Writer& writer, const std::vector<Replica>& replicas);
/// {"code", "message"} or null.
void write_error(json::Writer& writer, const std::optional<Error>& error);

}  // namespace reelkeep::cli
