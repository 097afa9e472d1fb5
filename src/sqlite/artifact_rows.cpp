#include <array>
#include <tuple>
#include <utility>

#include "reelkeep/base/text.hpp"

#include "sqlite/catalog_rows.hpp"

namespace reelkeep::sqlite {

namespace {

// bind_facts(), bind_progress() and read_artifact() go through these in this order; the row is
// apart. The facts and the progress are apart because of the indexes: most are over facts, and
// SQLite takes an entry out of an index and puts it back when one of its columns is written.
constexpr std::array k_facts{
    "session",      "app_id",  "conf_num",      "kind",       "source_key", "stage",
    "id",           "room_id", "name",          "url",        "url_at",     "host",
    "staging_name", "path",    "declared_size", "offered_at", "deadline",   "known_at",
};
constexpr std::array k_progress{
    "state",         "disputed",        "refetch",    "replace_old",   "in_hand",
    "attempts",      "next_attempt_at", "error_code", "error_message", "error_retry_after",
    "size",          "digest",          "received",   "resume_offset", "resume_validator",
    "resume_length", "resume_boot_id",  "bad_digest", "deaths",
};
constexpr std::array k_derived_of_facts{"path_fold"};
constexpr std::array k_derived_of_progress{"work", "needs_source", "claimable", "due_at", "staged"};

/// The replicas of is_stuck() apart, whose changes are counted anyhow.
bool may_be_stuck(const Artifact& artifact) noexcept {
  return artifact.state == ArtifactState::verifying && artifact.error &&
         artifact.error->code == Errc::corrupt;
}

/// The columns of several lists, with commas between.
template <class... Lists>
std::string joined(const Lists&... lists) {
  std::string all;
  const auto append = [&all](const auto& list) {
    for (const char* column : list) all.append(all.empty() ? "" : ", ").append(column);
  };
  (append(lists), ...);
  return all;
}

std::string placeholders(std::size_t count) {
  std::string list = "?";
  for (std::size_t i = 1; i < count; ++i) list.append(", ?");
  return list;
}

constexpr std::size_t k_of_progress = k_progress.size() + k_derived_of_progress.size();
constexpr std::size_t k_of_all = k_facts.size() + k_derived_of_facts.size() + k_of_progress;

bool is_complete_in_staging(const Artifact& artifact) noexcept {
  return artifact.state == ArtifactState::verifying || artifact.digest.has_value();
}

bool is_waiting_refetch(const Artifact& artifact) noexcept {
  return artifact.refetch && artifact.state == ArtifactState::archived && !artifact.in_hand;
}

bool is_claimable(const Artifact& artifact) noexcept {
  if (artifact.in_hand) return false;
  return artifact.state == ArtifactState::planned ||
         (is_waiting_refetch(artifact) && !artifact.next_attempt_at);
}

std::optional<Timestamp> due_at(const Artifact& artifact) noexcept {
  if (artifact.state == ArtifactState::waiting) {
    // One without a time would be forgotten for ever.
    return artifact.next_attempt_at.value_or(Timestamp{});
  }
  return is_waiting_refetch(artifact) ? artifact.next_attempt_at : std::nullopt;
}

bool is_staged(const Artifact& artifact) noexcept {
  return is_work(artifact.state) || artifact.refetch || artifact.in_hand ||
         artifact.state == ArtifactState::quarantined || artifact.bad_digest.has_value();
}

/// The artifact outlives the query.
void bind_facts(Query& query, const Artifact& artifact) {
  query.bind(artifact.session_row);
  query.bind(BorrowedText{artifact.identity.session.app_id.get()});
  query.bind(BorrowedText{artifact.identity.session.conf_num.get()});
  query.bind(artifact.identity.kind);
  query.bind(BorrowedText{artifact.identity.source_key.get()});
  query.bind(BorrowedText{artifact.identity.stage});
  query.bind(BorrowedText{artifact.id.get()});
  query.bind(BorrowedText{artifact.room_id.get()});
  query.bind(BorrowedText{artifact.name});
  query.bind(BorrowedText{artifact.url});
  query.bind(artifact.url_at);
  query.bind(BorrowedText{artifact.host});
  query.bind(BorrowedText{artifact.staging_name});
  query.bind(BorrowedText{artifact.path});
  query.bind(artifact.declared_size);
  query.bind(artifact.offered_at);
  query.bind(artifact.deadline);
  query.bind(artifact.known_at);
  if (artifact.path.empty())
    query.bind(std::nullopt);
  else
    query.bind(text::fold_name(artifact.path));
}

/// Columns of the progress that are written together, because the members are.
struct ProgressPart {
  std::string_view columns;  ///< with placeholders, as in SET
  bool (*is_same)(const Artifact&, const Artifact&);
  void (*bind)(Query&, const Artifact&);
};

bool needs_source(const Artifact& artifact) noexcept {
  return is_work(artifact.state) && !is_complete_in_staging(artifact);
}

void bind_error(Query& query, const Artifact& artifact) {
  if (!artifact.error) {
    for (int i = 0; i < 3; ++i) query.bind(std::nullopt);
    return;
  }
  query.bind(artifact.error->code);
  query.bind(artifact.error->message);
  if (artifact.error->retry_after)
    query.bind(std::int64_t{artifact.error->retry_after->count()});
  else
    query.bind(std::nullopt);
}

void bind_resume(Query& query, const Artifact& artifact) {
  if (!artifact.resume) {
    for (int i = 0; i < 4; ++i) query.bind(std::nullopt);
    return;
  }
  query.bind(artifact.resume->offset);
  query.bind(artifact.resume->validator);
  query.bind(artifact.resume->length);
  query.bind(artifact.resume->boot_id);
}

template <auto Member>
constexpr ProgressPart member(std::string_view columns) {
  return {columns, [](const Artifact& a, const Artifact& b) { return a.*Member == b.*Member; },
          [](Query& query, const Artifact& artifact) { query.bind(artifact.*Member); }};
}

template <auto Derive>
constexpr ProgressPart derived(std::string_view columns) {
  return {columns, [](const Artifact& a, const Artifact& b) { return Derive(a) == Derive(b); },
          [](Query& query, const Artifact& artifact) { query.bind(Derive(artifact)); }};
}

/// In the order of k_progress and k_derived_of_progress.
constexpr std::array k_parts{
    member<&Artifact::state>("state = ?"),
    member<&Artifact::disputed>("disputed = ?"),
    member<&Artifact::refetch>("refetch = ?"),
    member<&Artifact::replace>("replace_old = ?"),
    member<&Artifact::in_hand>("in_hand = ?"),
    member<&Artifact::attempts>("attempts = ?"),
    member<&Artifact::next_attempt_at>("next_attempt_at = ?"),
    ProgressPart{"error_code = ?, error_message = ?, error_retry_after = ?",
                 [](const Artifact& a, const Artifact& b) { return a.error == b.error; },
                 bind_error},
    member<&Artifact::size>("size = ?"),
    member<&Artifact::digest>("digest = ?"),
    member<&Artifact::received>("received = ?"),
    ProgressPart{"resume_offset = ?, resume_validator = ?, resume_length = ?, resume_boot_id = ?",
                 [](const Artifact& a, const Artifact& b) { return a.resume == b.resume; },
                 bind_resume},
    member<&Artifact::bad_digest>("bad_digest = ?"),
    member<&Artifact::deaths>("deaths = ?"),
    derived<[](const Artifact& a) { return is_work(a.state); }>("work = ?"),
    derived<needs_source>("needs_source = ?"),
    derived<is_claimable>("claimable = ?"),
    derived<due_at>("due_at = ?"),
    derived<is_staged>("staged = ?"),
};

void bind_progress(Query& query, const Artifact& artifact) {
  for (const ProgressPart& part : k_parts) part.bind(query, artifact);
}

std::optional<Error> read_error(Query& query) {
  const auto code = query.next<std::optional<Errc>>();
  auto message = query.next<std::optional<std::string>>();
  const auto retry_after = query.next<std::optional<std::int64_t>>();
  if (!code) return std::nullopt;
  Error error{*code, std::move(message).value_or("")};
  if (retry_after) error.retry_after = std::chrono::seconds(*retry_after);
  return error;
}

std::optional<ResumePoint> read_resume(Query& query) {
  const auto offset = query.next<std::optional<ByteCount>>();
  auto validator = query.next<std::optional<std::string>>();
  const auto length = query.next<std::optional<ByteCount>>();
  auto boot_id = query.next<std::optional<std::string>>();
  if (!offset) return std::nullopt;
  return ResumePoint{*offset, std::move(validator).value_or(""), length,
                     std::move(boot_id).value_or("")};
}

}  // namespace

std::string select_artifacts(std::string_view rest) {
  static const std::string k_select =
      "SELECT row, " + joined(k_facts, k_progress) + " FROM artifact ";
  return k_select + std::string(rest);
}

Artifact read_artifact(Query& query) {
  Artifact artifact;
  query.read(artifact.row);
  query.read(artifact.session_row);
  query.read(artifact.identity.session.app_id);
  query.read(artifact.identity.session.conf_num);
  query.read(artifact.identity.kind);
  query.read(artifact.identity.source_key);
  query.read(artifact.identity.stage);
  query.read(artifact.id);
  query.read(artifact.room_id);
  query.read(artifact.name);
  query.read(artifact.url);
  query.read(artifact.url_at);
  query.read(artifact.host);
  query.read(artifact.staging_name);
  query.read(artifact.path);
  query.read(artifact.declared_size);
  query.read(artifact.offered_at);
  query.read(artifact.deadline);
  query.read(artifact.known_at);
  query.read(artifact.state);
  query.read(artifact.disputed);
  query.read(artifact.refetch);
  query.read(artifact.replace);
  query.read(artifact.in_hand);
  query.read(artifact.attempts);
  query.read(artifact.next_attempt_at);
  artifact.error = read_error(query);
  query.read(artifact.size);
  query.read(artifact.digest);
  query.read(artifact.received);
  artifact.resume = read_resume(query);
  query.read(artifact.bad_digest);
  query.read(artifact.deaths);
  return artifact;
}

std::vector<Artifact> read_artifacts(Query& query) {
  std::vector<Artifact> artifacts;
  while (query.step()) artifacts.push_back(read_artifact(query));
  return artifacts;
}

ArtifactRow write_artifact(Connection& connection, const Artifact& artifact) {
  static const std::string k_all =
      joined(k_facts, k_derived_of_facts, k_progress, k_derived_of_progress);
  static const std::string k_insert =
      "INSERT INTO artifact(" + k_all + ") VALUES (" + placeholders(k_of_all) + ")";
  static const std::string k_update =
      "UPDATE artifact SET (" + k_all + ") = (" + placeholders(k_of_all) + ") WHERE row = ?";
  const bool is_new = artifact.row.get() == 0;
  Query query(connection, is_new ? k_insert : k_update);
  bind_facts(query, artifact);
  bind_progress(query, artifact);
  if (!is_new) query.bind(artifact.row);
  const auto changed = query.run();
  if (is_new) return ArtifactRow(connection.last_row());
  return changed == 0 ? ArtifactRow(0) : artifact.row;
}

std::int64_t write_progress(Connection& connection, const Artifact& artifact,
                            const Artifact* known) {
  std::string changes;
  std::array<bool, k_parts.size()> is_changed{};
  for (std::size_t i = 0; i < k_parts.size(); ++i) {
    is_changed[i] = known == nullptr || !k_parts[i].is_same(*known, artifact);
    if (is_changed[i]) changes.append(changes.empty() ? "" : ", ").append(k_parts[i].columns);
  }
  if (changes.empty()) return 1;
  Query query(connection, "UPDATE artifact SET " + changes + " WHERE row = ?");
  for (std::size_t i = 0; i < k_parts.size(); ++i)
    if (is_changed[i]) k_parts[i].bind(query, artifact);
  query.bind(artifact.row);
  return query.run();
}

void take_progress(Artifact& into, const Artifact& from) {
  into.state = from.state;
  into.disputed = from.disputed;
  into.refetch = from.refetch;
  into.replace = from.replace;
  into.in_hand = from.in_hand;
  into.attempts = from.attempts;
  into.next_attempt_at = from.next_attempt_at;
  into.error = from.error;
  into.size = from.size;
  into.digest = from.digest;
  into.received = from.received;
  into.resume = from.resume;
  into.bad_digest = from.bad_digest;
  into.deaths = from.deaths;
}

Counts counts_of(const Artifact& artifact) {
  const ArtifactState state = artifact.state;
  return {state == ArtifactState::archived,
          state == ArtifactState::expired || state == ArtifactState::quarantined,
          state == ArtifactState::cancelled || state == ArtifactState::delivered,
          is_work(state),
          is_complete_in_staging(artifact),
          may_be_stuck(artifact),
          artifact.refetch,
          artifact.size,
          artifact.deadline};
}

}  // namespace reelkeep::sqlite
