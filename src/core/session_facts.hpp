#pragma once

#include <functional>
#include <vector>

#include "reelkeep/model/event.hpp"
#include "reelkeep/model/record.hpp"
#include "reelkeep/port/catalog.hpp"

#include "core/policy.hpp"

namespace reelkeep::core {

/// Why an event is applied: a repeated one changes no facts but makes work due again.
enum class Occasion { first, repeated };

/// Nothing holds bytes of it or fetches them, and nobody gave it up for good: complete bytes that
/// turn up settle it (a push that is adopted, a catalog that is being built).
bool has_no_bytes_yet(const Artifact& artifact);

/// Applies what the provider said to the catalog. Called inside Catalog::transact(); applying the
/// same event twice changes nothing, and any order of the same events gives the same catalog,
/// times apart. One thread.
class SessionFacts {
 public:
  SessionFacts(Catalog& catalog, const Policy& policy) : m_catalog(catalog), m_policy(policy) {}

  Status apply(const Event& event, Timestamp received_at, Occasion occasion);

  /// The session, which becomes known if it is not yet (an outcome whose offer was never seen: a
  /// damaged body, an older format). `learn` adds what else is told of it; all is written at once.
  Result<Session> session_for(const SessionKey& key, const RoomId& room, Timestamp seen_at,
                              const std::function<void(Session&)>& learn = {});
  /// Path, id and staging name for an artifact that becomes known now.
  Status settle_new(Artifact& artifact, const Session& session);
  /// Files pushed under this name go to the one artifact that has it, else stand for themselves.
  Status relink_pushes(const Session& session, const std::string& name);
  /// What was found of a pushed file; one that is not known becomes known.
  Status found(const DeliveredFound& outcome);
  /// Which destination a pushed file is at by the rules of now, and whether it has to be looked at.
  Status assign(const Session& session, PushedFile file, Timestamp now);
  /// The files pushed under an artifact's name are linked anew: its bytes became known, or it was
  /// given up.
  Status relink_pushes_of(const Artifact& artifact);
  /// What a look at a pushed file failed of is told with its replica.
  Status show_problem(const PushedFile& file);
  /// Bytes were received and are lost: what lies at destinations and differs from them takes their
  /// place only when it is pushed again.
  Status refuse_differing(const Artifact& artifact, const Digest& received);
  /// The artifact that a pushed file belongs to, if there is one.
  Result<std::optional<Artifact>> artifact_of_push(const SessionKey& session,
                                                   const std::string& name,
                                                   const SourceKey& source_key);

 private:
  Status offered(const Session& session, const Event& event, const FilesOffered& offer,
                 Timestamp received_at, Occasion occasion);
  Status offered_file(const Session& session, const FilesOffered& offer, const OfferedFile& file,
                      Timestamp at, Timestamp received_at, Occasion occasion);
  /// The CDR of a session that is over, where its project says how to ask for it.
  Status cdr_due(const Session& session, const Event& event, Timestamp received_at,
                 Occasion occasion);
  Status pushed(const Session& session, const FilesPushed& push, Timestamp at,
                Timestamp received_at, Occasion occasion);
  Status look_again(const Session& session, const DeliveredFile& file, Timestamp now);
  Status fetch_again(const Session& session, const DeliveredFile& file, Timestamp now);
  Status put_delivered(const Session& session, const PushedFile& file);
  Status put_delivered_replica(const Artifact& artifact, const PushedFile& file);
  Status forget_delivered(const Artifact& artifact, const std::string& location);
  Result<bool> holds_itself(const Artifact& artifact, const std::string& location);
  Status make_use_of(const Artifact& artifact, const PushedFile& file);
  Status rescue(Artifact artifact, const DestinationRule& rule, const PushedFile& file);
  Status adopt(Artifact artifact, const DestinationRule& rule, const PushedFile& file);
  Result<bool> is_mere_stand_in(const Artifact& artifact);
  Status recompute_deadlines(const Session& session);
  [[nodiscard]] Timestamp deadline_of(const Artifact& artifact, const Session& session) const;

  Catalog& m_catalog;
  const Policy& m_policy;
};

}  // namespace reelkeep::core
