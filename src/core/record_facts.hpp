#pragma once

#include <string>
#include <variant>
#include <vector>

#include "core/policy.hpp"
#include "core/session_facts.hpp"
#include "reelkeep/model/record.hpp"
#include "reelkeep/port/catalog.hpp"

namespace reelkeep::core {

/// What has to happen outside the catalog once a transaction is durable.
struct DropTransfer { ArtifactRow artifact; };        ///< cancel it if it runs
struct DropStaging { std::string staging_name; };     ///< complete and partial bytes
struct Publish { ArtifactRow artifact; };             ///< complete bytes go to the stores
struct RemoveSuperseded { ArtifactRow artifact; };    ///< older versions, asked for with --replace
struct ApplyAgain { std::vector<Seq> entries; };      ///< replay
using Effect = std::variant<DropTransfer, DropStaging, Publish, RemoveSuperseded, ApplyAgain>;
using Effects = std::vector<Effect>;

/// Whether a row is applied for the first time or read again while the catalog is rebuilt.
enum class Era { live, history };

/// Applies operators' commands and our own outcomes. Inside Catalog::transact(); idempotent.
/// One thread.
class RecordFacts {
 public:
  RecordFacts(Catalog& catalog, const Policy& policy, Effects& effects)
      : m_catalog(catalog), m_policy(policy), m_effects(effects) {}

  Status apply(const Command& command, Timestamp at, Era era);
  Status apply(const Outcome& outcome, Timestamp at, Era era);

 private:
  Status redownload(const RedownloadCommand& command, Timestamp at, Era era);
  Status cancel(const CancelCommand& command);
  Status accept(const AcceptCommand& command);
  Status stored(const ReplicaStored& outcome, Timestamp at);
  Status removed(const ReplicaRemoved& outcome);
  Status found(const ReplicaFound& outcome);
  Status given_up(const ArtifactIdentity& identity, ArtifactState state, const Error& error,
                  const std::optional<Digest>& bad_digest);
  Result<std::optional<Artifact>> member(const SessionKey& session, const ArtifactId& id);
  /// Archived when every store of the project holds a verified replica of the same bytes.
  Status settle(Artifact artifact, const ReplicaStored& outcome);

  Catalog& m_catalog;
  const Policy& m_policy;
  Effects& m_effects;
};

}  // namespace reelkeep::core
