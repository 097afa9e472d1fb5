#include "daemon/settle.hpp"

#include <csignal>
#include <poll.h>
#include <sys/stat.h>

#include "daemon/runtime.hpp"
#include "daemon/signals.hpp"
#include "sqlite/catalog.hpp"

namespace reelkeep::daemon {

Status run_until_settled(const Config& config, const std::vector<ArtifactId>& artifacts,
                         const std::function<void()>& tick) {
  ::umask(0077);
  REELKEEP_ASSIGN(const UniqueFd told, signals());
  REELKEEP_ASSIGN(const std::unique_ptr<Runtime> runtime, Runtime::open(config));
  runtime->start_agent(Runtime::Reconciling::no);
  Status ended;
  std::unique_ptr<CatalogReader> reader;
  for (bool settled = false; !settled;) {
    pollfd descriptor{.fd = told.get(), .events = POLLIN, .revents = 0};
    (void)::poll(&descriptor, 1, 200);
    if (const int number = next_signal(told); number == SIGINT || number == SIGTERM) {
      ended = Error{Errc::cancelled, "stopped; what was received is kept for the next start"};
      break;
    }
    if (tick) tick();
    if (const auto gave_up = runtime->agent().status().ended) {
      ended = *gave_up;
      break;
    }
    if (runtime->agent().status().catching_up) continue;
    if (!reader) {
      auto opened = sqlite::open_catalog_reader(catalog_path(config));
      if (!opened) continue;
      reader = std::move(*opened);
    }
    settled = true;
    for (const ArtifactId& id : artifacts) {
      const auto found = reader->find_artifact(id.get());
      if (!found) return found.error();
      for (const SessionView& session : *found)
        for (const ArtifactView& view : session.artifacts)
          if (view.artifact.id == id && (is_work(view.artifact.state) || view.artifact.refetch))
            settled = false;
    }
  }
  runtime->stop();
  return ended;
}

}  // namespace reelkeep::daemon
