#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <optional>
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
  /// Each with the URL that did not work: another one is worth trying. Nothing: all is well with
  /// it, or it is given up on purpose.
  std::map<std::pair<ArtifactKind, SourceKey>, std::optional<std::string>> offers;
};

/// What the comparison needs of the catalog.
class KnownSessions {
 public:
  virtual ~KnownSessions() = default;
  /// Nothing is known: an empty one.
  virtual Result<KnownSession> known(const SessionKey& session) = 0;
};

/// Why something listed is told to the journal.
enum class Lack {
  not_known,  ///< no event told of it
  fresh_url,  ///< it is known and did not come, and the listing has another URL of it
};

struct FoundArtifact {
  ArtifactIdentity identity;
  ArtifactId id;
  std::string name;
  Lack lack = Lack::not_known;
};

/// A listed session of which something is lacking.
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
  std::size_t artifacts = 0;  ///< ... that no event told of ...
  std::size_t renewed = 0;    ///< ... or that has a fresher URL
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
/// Days whose answer cannot be read (it may be too large) are asked for in halves, a room without
/// days as well, down to one day; where that does not help either, the other days are compared all
/// the same before the error is returned, which says what can be asked for instead.
/// Errors: those of ProviderApi::archive, of `known`, and of `take`; what was taken before stays.
Result<Findings> reconcile(ProviderApi& api, const Provider& provider, KnownSessions& known,
                           const Policy& policy, const Question& question, Timestamp now,
                           const std::atomic<bool>* cancelled,
                           const std::function<Status(std::vector<FoundSession>)>& take);

}  // namespace reelkeep::core
