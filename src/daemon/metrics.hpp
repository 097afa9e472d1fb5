#pragma once

#include <string>
#include <vector>

#include "reelkeep/model/forecast.hpp"
#include "reelkeep/port/catalog.hpp"

#include "core/agent.hpp"
#include "core/reconciler.hpp"
#include "http/webhook.hpp"

namespace reelkeep::daemon {

/// What one scrape saw.
struct Figures {
  core::AgentStatus agent;
  http::WebhookCounters webhook;
  std::optional<CatalogFigures> catalog;                    ///< nothing: it cannot be read now
  std::map<std::string, core::ReconcileStatus> reconciled;  ///< by app_id of the block
  std::optional<Forecast> forecast;                         ///< nothing: not made yet
  std::vector<std::string> projects;                    ///< app_ids with a block, for the breakers
  std::map<std::string, ByteCount> free_by_filesystem;  ///< "state", "staging", store ids
  Timestamp now;
};

/// Prometheus text format 0.0.4. Labels never hold a conf_num, a room_id or a URL.
std::string render_metrics(const Figures& figures);

}  // namespace reelkeep::daemon
