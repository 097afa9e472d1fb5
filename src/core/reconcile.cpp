#include "core/reconcile.hpp"

#include <algorithm>
#include <set>

#include "core/artifact_id.hpp"
#include "core/cdr.hpp"
#include "crypto/sha256.hpp"

namespace reelkeep::core {
namespace {

constexpr Duration k_young{60 * 60 * 1000};
/// Nothing is older: what a room's archive holds in all is asked for within this, in halves.
constexpr std::chrono::days k_longest_ago{10 * 366};

/// The comparison of one run.
class Comparison {
 public:
  Comparison(const Provider& provider, KnownSessions& known, const Policy& policy,
             const Question& question, Timestamp now)
      : m_provider(provider),
        m_known(known),
        m_policy(policy),
        m_question(question),
        m_now(now),
        m_asked_for(question.block.get() == "*" ? AppId(question.api.credential.username)
                                                : question.block) {}

  Result<std::vector<FoundSession>> compare(std::vector<std::string> items) {
    std::vector<FoundSession> lacking;
    m_entries += items.size();
    for (std::string& item : items) {
      // Days overlap: what two answers hold was looked at with the first.
      if (!m_items.insert(sha256(item)).second) continue;
      REELKEEP_ASSIGN(std::optional<FoundSession> found, look(item));
      if (!found) continue;
      ++m_findings.sessions;
      for (const FoundArtifact& artifact : found->artifacts)
        ++(artifact.lack == Lack::not_known ? m_findings.artifacts : m_findings.renewed);
      found->entry = NewEntry{.kind = EntryKind::reconcile,
                              .received_at = m_now,
                              .body = std::move(item),
                              .remote = m_question.api.url.authority(),
                              .user = m_asked_for.get(),
                              .content_type = "application/json"};
      lacking.push_back(*std::move(found));
    }
    return lacking;
  }
  [[nodiscard]] const Findings& findings() const { return m_findings; }
  /// Of all answers so far, also what came twice.
  [[nodiscard]] std::size_t entries() const { return m_entries; }

 private:
  Result<std::optional<FoundSession>> look(const std::string& item) {
    const std::optional<FoundSession> none;
    ++m_findings.listed;
    const Result<Decoded> decoded = m_provider.decode_listed(item, m_asked_for, m_now);
    if (!decoded || !is_of_this_project(AppId(decoded->app_id))) {
      ++m_findings.unusable;
      return none;
    }
    if (decoded->events.empty()) return none;
    const Event& first = decoded->events.front();
    if (m_question.youth == Youth::left_alone && first.at && *first.at > m_now - k_young) {
      ++m_findings.young;
      return none;
    }
    REELKEEP_ASSIGN(const KnownSession known, m_known.known(first.session));
    FoundSession found{
        .key = first.session, .room_id = first.room_id, .listed_at = first.at, .entry = {}};
    for (const Event& event : decoded->events)
      if (const auto* offer = std::get_if<FilesOffered>(&event.fact))
        for (const OfferedFile& file : offer->files) note(known, offer->kind, file, found);
    // With files that nobody told of, the news of the CDR is missed as well; and a CDR whose
    // project had no API credentials when it was told of is due now.
    const bool is_missed = std::ranges::any_of(found.artifacts, [](const FoundArtifact& artifact) {
      return artifact.lack == Lack::not_known;
    });
    if (is_missed || known.cdr_ready)
      note(known, ArtifactKind::cdr, cdr_file(m_question.api, first.session.conf_num), found);
    if (found.artifacts.empty()) return none;
    return std::optional<FoundSession>(std::move(found));
  }

  [[nodiscard]] bool is_of_this_project(const AppId& app_id) const {
    const ProjectPolicy* project = m_policy.project(app_id);
    return project != nullptr && project->app_id == m_question.block;
  }

  void note(const KnownSession& known, ArtifactKind kind, const OfferedFile& file,
            FoundSession& found) {
    Lack lack = Lack::not_known;
    if (const auto offer = known.offers.find({kind, file.source_key});
        offer != known.offers.end()) {
      // Where a CDR is asked for is computed from the configuration.
      if (!offer->second || *offer->second == file.url || kind == ArtifactKind::cdr) return;
      lack = Lack::fresh_url;
    }
    ArtifactIdentity identity{found.key, kind, file.source_key, ""};
    // Days overlap, and what was just journaled is not in the catalog yet.
    ArtifactId id = artifact_id(identity);
    if (!m_seen.insert(id).second) return;
    found.artifacts.push_back({std::move(identity), std::move(id), file.name, lack});
  }

  const Provider& m_provider;
  KnownSessions& m_known;
  const Policy& m_policy;
  const Question& m_question;
  const Timestamp m_now;
  const AppId m_asked_for;
  std::set<Digest> m_items;
  std::set<ArtifactId> m_seen;
  std::size_t m_entries = 0;
  Findings m_findings;
};

/// Two halves of several days; of one day nothing.
std::vector<Days> halves(const Days& all) {
  using std::chrono::days;
  if (all.from >= all.to) return {};
  const auto middle = all.from + (all.to - all.from) / 2;
  return {Days{all.from, middle}, Days{middle + days(1), all.to}};
}

std::string text_of(const Days& all) {
  const auto day = [](std::chrono::sys_days one) {
    return to_rfc3339(Timestamp(one)).substr(0, 10);
  };
  return all.from == all.to ? day(all.from) : day(all.from) + " to " + day(all.to);
}

std::string text_of(const ArchiveQuery& query) {
  std::string text = query.days ? text_of(*query.days) : "";
  if (query.conf_num) text = "session " + query.conf_num->get();
  if (query.room_id) text += (text.empty() ? "room " : " of room ") + query.room_id->get();
  return text;
}

/// What to do where an answer cannot be read: the API takes days, and nothing shorter.
std::string way_out(const ArchiveQuery& query) {
  if (query.conf_num)
    return "nothing narrower can be asked for: its recordings come by their events, which the "
           "provider may send again";
  if (query.room_id) return "ask for one session of it: reelkeep reconcile --conf CONF_NUM";
  return "ask for less of it: reelkeep reconcile --room ROOM_ID --from DAY --to DAY, or --conf "
         "CONF_NUM";
}

}  // namespace

std::vector<Days> windows(std::chrono::sys_days from, std::chrono::sys_days to) {
  using std::chrono::days;
  if (from >= to) return {Days{from, from}};
  std::vector<Days> all;
  for (auto day = from; day < to; day += days(1)) all.push_back(Days{day, day + days(1)});
  return all;
}

Result<Findings> reconcile(ProviderApi& api, const Provider& provider, KnownSessions& known,
                           const Policy& policy, const Question& question, Timestamp now,
                           const std::atomic<bool>* cancelled,
                           const std::function<Status(std::vector<FoundSession>)>& take) {
  Comparison comparison(provider, known, policy, question, now);
  std::optional<Error> unread;
  const std::function<Status(const ArchiveQuery&)> ask = [&](const ArchiveQuery& query) -> Status {
    auto items = api.archive(question.api, query, cancelled);
    if (items) {
      REELKEEP_ASSIGN(std::vector<FoundSession> lacking, comparison.compare(*std::move(items)));
      return lacking.empty() ? Status() : take(std::move(lacking));
    }
    if (items.error().code != Errc::corrupt) return items.error();
    const auto today = std::chrono::floor<std::chrono::days>(now);
    const std::optional<Days> whole =
        query.days      ? query.days
        : query.room_id ? std::optional(Days{today - k_longest_ago, today + std::chrono::days(1)})
                        : std::nullopt;
    const std::size_t entries = comparison.entries();
    for (const Days& half : whole ? halves(*whole) : std::vector<Days>()) {
      ArchiveQuery narrower = query;
      narrower.days = half;
      REELKEEP_TRY(ask(narrower));
    }
    // Without a single entry the halves prove nothing: a provider may leave out their last day.
    if (comparison.entries() == entries && !unread)
      unread = Error{Errc::corrupt,
                     text_of(query) + ": " + items.error().message + "; " + way_out(query)};
    return {};
  };
  for (const ArchiveQuery& query : question.queries) REELKEEP_TRY(ask(query));
  if (unread) return *unread;
  return comparison.findings();
}

}  // namespace reelkeep::core
