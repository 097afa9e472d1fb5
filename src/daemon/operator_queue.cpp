// The queue as the operator sees it: in the order in which it is fetched, with what it comes to.
#include <vector>

#include "daemon/operator.hpp"
#include "daemon/outlook.hpp"

namespace reelkeep::daemon {
namespace {

constexpr std::size_t k_page = 200;  ///< sources read at once

}  // namespace

Status Operator::queue(const QueuePage& page, Timestamp now, std::optional<double> bytes_per_second,
                       const std::function<void(const Forecast&, const CatalogFigures&)>& whole,
                       const std::function<bool(const QueueRow&)>& row) {
  std::optional<QueuedSource> last;
  if (page.after) {
    REELKEEP_ASSIGN(const SessionView found, find_artifact(*page.after));
    const Artifact& artifact = found.artifacts.front().artifact;
    last = QueuedSource{.deadline = artifact.deadline, .row = artifact.row};
  }
  REELKEEP_ASSIGN(CatalogReader * reader, catalog());
  REELKEEP_ASSIGN(const auto pace,
                  pace_of(*reader, now, m_config.agent.warn_before, bytes_per_second));
  REELKEEP_ASSIGN(const CatalogFigures figures, reader->figures());
  core::Forecaster all(pace);
  core::Forecaster rows(pace);  // with what is before the page
  REELKEEP_TRY(reader->queue({}, [&](const QueuedSource& source) {
    all.add(source);
    if (last && std::pair(source.deadline, source.row) <= std::pair(last->deadline, last->row))
      rows.add(source);
    return true;
  }));
  whole(all.forecast(), figures);

  std::int64_t left = page.limit;
  while (left != 0) {
    std::vector<QueuedSource> sources;
    REELKEEP_TRY(reader->queue(last, [&](const QueuedSource& source) {
      sources.push_back(source);
      return sources.size() < k_page;
    }));
    for (const QueuedSource& source : sources) {
      last = source;
      const std::optional<Timestamp> eta = rows.add(source);
      REELKEEP_ASSIGN(std::optional<ArtifactView> found, reader->artifact(source.row));
      if (!found) continue;  // settled meanwhile
      // Nothing is fetched for an app_id without a block, whatever the line could bring.
      const bool is_fetched =
          m_config.project_of(found->artifact.identity.session.app_id) != nullptr;
      if (!row({std::move(*found), rows.expected_size(source),
                is_fetched ? eta : std::nullopt}))
        return {};
      if (left > 0 && --left == 0) return {};
    }
    if (sources.size() < k_page) return {};
  }
  return {};
}

}  // namespace reelkeep::daemon
