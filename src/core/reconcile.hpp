#pragma once

#include <atomic>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "reelkeep/model/artifact.hpp"
#include "reelkeep/model/delivery.hpp"
#include "reelkeep/port/provider.hpp"
#include "reelkeep/port/provider_api.hpp"

#include "core/policy.hpp"

// Comparing what the provider lists with what is known of. No threads of its own; the caller brings
// the time, and decides what becomes of what is found.
namespace reelkeep::core {

/// What is known of a session, as far as it has to be compared.
struct KnownSession {
  bool cdr_ready = false;
  std::set<std::pair<ArtifactKind, SourceKey>> offers;
};

/// What the comparison needs of the catalog.
class KnownSessions {
 public:
  virtual ~KnownSessions() = default;
  /// Nothing is known: an empty one.
  virtual Result<KnownSession> known(const SessionKey& session) = 0;
};

struct FoundArtifact {
  ArtifactIdentity identity;
  ArtifactId id;
  std::string name;
};

/// A listed session of which something is not known.
struct FoundSession {
  SessionKey key;
  RoomId room_id;
  std::optional<Timestamp> listed_at;    ///< trans_date
  std::vector<FoundArtifact> artifacts;  ///< what is lacking; never empty
  NewEntry entry;                        ///< what the journal has to be told
};

struct Findings {
  std::size_t listed = 0;
  std::size_t young = 0;      ///< left to their webhooks
  std::size_t unusable = 0;   ///< could not be read, or are of a project with a block of its own
  std::size_t sessions = 0;   ///< of which something was lacking ...
  std::size_t artifacts = 0;  ///< ... and how much
};

/// What becomes of entries that are younger than an hour: their webhook may still come.
enum class Youth { left_alone, taken };

struct Question {
  AppId block;  ///< app_id of the [[project]] block, perhaps "*"
  ApiAccess api;
  std::vector<ArchiveQuery> queries;  ///< asked one after the other
  Youth youth = Youth::left_alone;
};

/// Days as they are asked for: two neighbours at a time, the later one included or not by the
/// provider, so that every answer is bounded and no day is left out. `to` may be the same day.
std::vector<Days> windows(std::chrono::sys_days from, std::chrono::sys_days to);

/// Asks, compares, and hands what is lacking to `take`, once for each answer that lacked something.
/// Errors: those of ProviderApi::archive, of `known`, and of `take`; what was taken before stays.
Result<Findings> reconcile(ProviderApi& api, const Provider& provider, KnownSessions& known,
                           const Policy& policy, const Question& question, Timestamp now,
                           const std::atomic<bool>* cancelled,
                           const std::function<Status(std::vector<FoundSession>)>& take);

}  // namespace reelkeep::core
