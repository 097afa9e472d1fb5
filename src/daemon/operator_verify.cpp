// Reading replicas back on demand, beside a running agent or without one.
#include <string>
#include <utility>

#include "reelkeep/base/text.hpp"

#include "core/records.hpp"
#include "curl/http_client.hpp"
#include "daemon/operator.hpp"
#include "daemon/runtime.hpp"
#include "daemon/s3_places.hpp"
#include "daemon/system_clock.hpp"
#include "fs/local_store.hpp"
#include "fs/watch.hpp"
#include "sqlite/journal.hpp"

namespace reelkeep::daemon {
namespace {

/// Good readings that share a commit of the journal.
constexpr std::size_t k_together = 64;

/// The configured stores, for reading: attached when they are first needed.
class Stores {
 public:
  Stores(const Config& config, std::map<std::string, std::string> roots)
      : m_config(config),
        m_roots(std::move(roots)),
        m_http(curl::make_http_client({.ca_file = config.download.ca_file,
                                       .proxy = config.download.proxy.reveal(),
                                       .connect_timeout = config.download.connect_timeout})) {}

  /// Ready to be read; a store that was away is not asked again.
  Result<Store*> ready(const StoreId& id) {
    if (const auto away = m_away.find(id); away != m_away.end()) return away->second;
    auto store = attach(id);
    if (store) return store;
    m_away.emplace(id, store.error());
    return store;
  }
  void give_up(const StoreId& id, const Error& error) { m_away.emplace(id, error); }
  [[nodiscard]] const std::map<StoreId, Error>& away() const { return m_away; }

 private:
  Result<Store*> attach(const StoreId& id) {
    if (const auto known = m_stores.find(id); known != m_stores.end()) return known->second.get();
    const StoreConfig* config = m_config.store_of(id);
    if (config == nullptr) return Error{Errc::unavailable, "it is not configured any more"};
    std::unique_ptr<Store> store =
        config->type == StoreConfig::Type::local
            ? fs::make_local_store(id, config->path, {.staging_dir = m_config.download.staging_dir})
            : s3::make_s3_store(id, *m_http, m_clock,
                                {.bucket = bucket_of(*config),
                                 .prefix = config->prefix,
                                 .objects = {},
                                 .access = [access = access_of(*config)] { return access; }});
    const auto root = m_roots.find("root:" + id.get());
    REELKEEP_TRY(store->attach(root == m_roots.end() ? std::string() : root->second));
    return m_stores.emplace(id, std::move(store)).first->second.get();
  }

  const Config& m_config;
  const std::map<std::string, std::string> m_roots;
  SystemClock m_clock;
  std::unique_ptr<HttpClient> m_http;
  std::map<StoreId, std::unique_ptr<Store>> m_stores;
  std::map<StoreId, Error> m_away;
};

/// What was found, on its way into the journal.
class Findings {
 public:
  Findings(JournalWriter& writer, std::string journal, const Clock& clock)
      : m_writer(writer), m_journal(std::move(journal)), m_clock(clock) {}

  Status add(const Artifact& artifact, const Replica& replica, ReplicaState state,
             const std::string& cause) {
    const Timestamp now = m_clock.now();
    m_entries.push_back(NewEntry{.kind = EntryKind::outcome,
                                 .received_at = now,
                                 .body = encode(Outcome(ReplicaFound{
                                     artifact.identity, replica.location, state, now, cause}))});
    // What is wrong is known at once, whatever becomes of this process.
    return state == ReplicaState::verified && m_entries.size() < k_together ? Status() : flush();
  }
  Status flush() {
    if (m_entries.empty()) return {};
    REELKEEP_TRY(m_writer.append_all(std::exchange(m_entries, {})));
    // Without it the agent may see them only when it looks by itself, seconds later.
    (void)fs::nudge_watchers(m_journal).has_value();
    return {};
  }

 private:
  JournalWriter& m_writer;
  const std::string m_journal;
  const Clock& m_clock;
  std::vector<NewEntry> m_entries;
};

ReplicaState state_of(const Inspection& inspection) {
  switch (inspection.found) {
    case Inspection::Found::good:
      return ReplicaState::verified;
    case Inspection::Found::missing:
      return ReplicaState::missing;
    case Inspection::Found::corrupt:
      break;
  }
  return ReplicaState::corrupt;
}

}  // namespace

Result<Verified> Operator::verify(const ReplicaFilter& filter, Depth depth,
                                  const std::function<void(const VerifyFinding&)>& finding,
                                  const std::function<void(const Verified&)>& seen) {
  if (filter.store && m_config.store_of(*filter.store) == nullptr) {
    std::string known;
    for (const StoreConfig& store : m_config.stores)
      known += (known.empty() ? "" : ", ") + text::printable(store.id.get());
    return Error{Errc::not_found, "there is no [[store]] with the id " +
                                      text::printable(filter.store->get()) + " (known: " + known +
                                      ")"};
  }
  REELKEEP_ASSIGN(CatalogReader * reader, catalog());
  REELKEEP_ASSIGN(auto roots, reader->notes("root:"));
  auto writer =
      sqlite::open_journal_writer(journal_path(m_config), {.create = false, .migrate = false});
  if (!writer) return never_ran(std::move(writer).error(), "journal");
  const SystemClock clock;
  Stores stores(m_config, std::move(roots));
  Findings findings(**writer, journal_path(m_config), clock);
  Verified sum;
  REELKEEP_ASSIGN(sum.total, reader->total(filter));
  const bool is_named = filter.session || filter.artifact;
  std::map<StoreId, Error> unreadable;  ///< the first of each store
  Status failed;

  const auto inspect = [&](Store& store, const Replica& replica) -> Result<Inspection> {
    return store.inspect(replica.path, replica.size, *replica.digest, depth,
                         [&](std::span<const std::byte> bytes) -> Status {
                           sum.bytes = sum.bytes + ByteCount(bytes.size());
                           seen(sum);
                           return {};
                         });
  };
  const auto one = [&](const Artifact& artifact, const Replica& replica) -> Status {
    // What the provider pushed to a destination is looked at there, by the agent.
    if (m_config.destination_of(*replica.store) != nullptr) return {};
    auto store = stores.ready(*replica.store);
    if (!store) {
      ++sum.unread;
      return {};
    }
    auto found = inspect(**store, replica);
    // A bad finding is read a second time before it is believed.
    if (found && found->found != Inspection::Found::good) found = inspect(**store, replica);
    if (!found) {
      // One that cannot be read tells nothing; neither does a store that went away.
      ++sum.unread;
      unreadable.emplace(*replica.store, found.error());
      if (!(*store)->ready()) stores.give_up(*replica.store, found.error());
      return {};
    }
    ReplicaState state = state_of(*found);
    if (state == ReplicaState::verified && depth == Depth::quick &&
        (replica.state == ReplicaState::missing || replica.state == ReplicaState::corrupt)) {
      // Presence alone does not make good again what was found bad.
      state = replica.state;
      found->cause = replica.cause + " (found earlier; only without --quick it is read again)";
    }
    ++(state == ReplicaState::verified ? sum.good : sum.wrong);
    const bool is_news = state != replica.state ||
                         (state == ReplicaState::verified && depth == Depth::full && is_named);
    if (is_news) REELKEEP_TRY(findings.add(artifact, replica, state, found->cause));
    if (state == ReplicaState::verified) return {};
    if (artifact.state == ArtifactState::cancelled) ++sum.given_up;
    VerifyFinding told{artifact, replica, state, found->cause};
    told.replica.location = (*store)->location(replica.path);
    finding(told);
    return {};
  };
  REELKEEP_TRY(reader->replicas(filter, [&](const Artifact& artifact, const Replica& replica) {
    failed = one(artifact, replica);
    seen(sum);
    return failed.has_value();
  }));
  if (failed) failed = findings.flush();
  if (!failed) return failed.error().within("a finding could not be journaled");
  sum.away = stores.away();
  sum.away.merge(unreadable);
  return sum;
}

}  // namespace reelkeep::daemon
