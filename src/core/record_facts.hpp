#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "reelkeep/model/record.hpp"
#include "reelkeep/port/catalog.hpp"

#include "core/policy.hpp"
#include "core/session_facts.hpp"

namespace reelkeep::core {

/// What has to happen outside the catalog once a transaction is durable.
struct DropTransfer {
  ArtifactRow artifact;
};  ///< cancel it if it runs
struct DropStaging {
  std::string staging_name;
};  ///< complete and partial bytes
struct Publish {
  ArtifactRow artifact;
};  ///< complete bytes go to the stores
/// Older versions that a refetch with --replace superseded, and no others.
struct RemoveSuperseded {
  ArtifactRow artifact;
  std::vector<std::string> locations;
};
struct JournalOutcome {
  Outcome outcome;
};
using Effect = std::variant<DropTransfer, DropStaging, Publish, RemoveSuperseded, JournalOutcome>;
using Effects = std::vector<Effect>;

/// Notes of the catalog, for each superseded version that is to go until the journal says that it
/// went: "removal:<artifact row>:<location>", with the location as their value. A RemoveSuperseded
/// that was not carried out is found again by them.
inline constexpr std::string_view k_removal_notes = "removal:";
std::string removal_note(ArtifactRow artifact, const std::string& location);

/// Whether a row is applied for the first time or read again while the catalog is rebuilt.
enum class Era { live, history };

/// Applies operators' commands (but a replay, which is the projector's) and our own outcomes.
/// Inside Catalog::transact(); idempotent. One thread.
class RecordFacts {
 public:
  RecordFacts(Catalog& catalog, const Policy& policy, Effects& effects)
      : m_catalog(catalog), m_policy(policy), m_effects(effects) {}

  Status apply(const Command& command, Timestamp at, Era era);
  Status apply(const Outcome& outcome, Timestamp at, Era era);
  /// Archived when every store of the project holds a verified replica of these bytes. `told`:
  /// which stores those were, as the journal says; it decides where the project's block is gone.
  Status settle(Artifact artifact, ByteCount size, const Digest& digest, bool disputed,
                const std::vector<StoreId>& told = {});
  /// What is called archived is really there: without a verified replica in every store of its
  /// project it is to be copied from a good one, else fetched again. Nothing is written.
  Status keep_promise(Artifact& artifact);

 private:
  /// What the catalog says of an artifact in other tables.
  struct Copies {
    std::vector<Replica> replicas;
    bool has_pending = false;
  };
  Result<Copies> copies_of(ArtifactRow artifact);
  Status settle(Artifact artifact, ByteCount size, const Digest& digest, bool disputed,
                const std::vector<StoreId>& told, Copies copies);
  Status redownload(const RedownloadCommand& command, Timestamp at, Era era);
  Status cancel(const CancelCommand& command);
  Status accept(const AcceptCommand& command);
  Status stored(const ReplicaStored& outcome, Timestamp at, Era era);
  Status received(const BytesReceived& outcome, Timestamp at, Era era);
  Status removed(const ReplicaRemoved& outcome);
  Status found(const ReplicaFound& outcome, Era era);
  Status delivered(const DeliveredFound& outcome);
  Status given_up(const ArtifactIdentity& identity, ArtifactState state, const Error& error,
                  const std::optional<Digest>& bad_digest, const StoreId& destination);
  Result<std::vector<StoreId>> wanted_stores(const Artifact& artifact, const Digest& digest,
                                             const std::vector<StoreId>& told);
  Status fall_short(Artifact artifact, ByteCount size, const Digest& digest, bool disputed,
                    const std::vector<StoreId>& wanted);
  /// What is wrong with the file that a wanted destination was to hold; nothing: it is awaited.
  Result<std::optional<Error>> problem_at_destination(const Artifact& artifact,
                                                      const Digest& digest,
                                                      const std::vector<StoreId>& wanted);
  Status end_refetch(Artifact artifact, const Digest& digest, const std::vector<StoreId>& wanted);
  /// An artifact of the session by its id, or by the id that it had before its stage was known.
  Result<std::optional<Artifact>> member(const SessionKey& session, const ArtifactId& id);
  /// The artifact that an outcome means: its stage may have been filled in since.
  Result<std::optional<Artifact>> resolve(const ArtifactIdentity& identity);
  /// The same; one that is not known becomes known.
  Result<Artifact> resolve_or_make(const ArtifactIdentity& identity, const RoomId& room,
                                   const std::string& name, Timestamp at);

  Catalog& m_catalog;
  const Policy& m_policy;
  Effects& m_effects;
};

}  // namespace reelkeep::core
