#include <algorithm>
#include <doctest/doctest.h>
#include <map>
#include <vector>

#include "contract/catalog_contract.hpp"

namespace reelkeep::testing {

namespace {

struct Listed {
  std::vector<SessionSummary> rows;
  std::vector<std::int64_t> after;
};

Listed list(CatalogReader& reader, const ListFilter& filter, Timestamp now = at(0),
            Duration warn_before = Duration(0)) {
  Listed listed;
  REQUIRE(reader.sessions(filter, now, warn_before,
                          [&](const SessionSummary& summary, std::int64_t after) {
                            listed.rows.push_back(summary);
                            listed.after.push_back(after);
                            return true;
                          }));
  return listed;
}

std::vector<Seq> list_deliveries(CatalogReader& reader, const ListFilter& filter) {
  std::vector<Seq> seqs;
  REQUIRE(reader.deliveries(filter, [&](const DeliveryRecord& record) {
    seqs.push_back(record.seq);
    return true;
  }));
  return seqs;
}

/// Sessions with artifacts and replicas of any kind.
std::vector<SessionView> fill(Catalog& catalog, AnyValue& any, int count) {
  std::vector<SessionView> views;
  REQUIRE(catalog.transact([&]() -> Status {
    for (int i = 0; i < count; ++i) {
      REELKEEP_ASSIGN(Session session, catalog.put_session(any.session()));
      SessionView view{std::move(session), {}};
      for (auto left = any.number(0, 3); left > 0; --left) {
        REELKEEP_ASSIGN(Artifact artifact, catalog.put_artifact(any.artifact(view.session)));
        ArtifactView one{std::move(artifact), {}};
        for (auto replicas = any.number(0, 2); replicas > 0; --replicas) {
          one.replicas.push_back(any.replica());
          REELKEEP_TRY(catalog.put_replica(one.artifact.row, one.replicas.back()));
        }
        view.artifacts.push_back(std::move(one));
      }
      views.push_back(std::move(view));
    }
    return {};
  }));
  return views;
}

/// Changes artifacts and replicas of sessions that are there, each in a transaction of its own.
void stir(Catalog& catalog, AnyValue& any, std::vector<SessionView>& views) {
  for (SessionView& view : views) {
    if (view.artifacts.empty()) continue;
    ArtifactView& one = view.artifacts.front();
    REQUIRE(catalog.transact([&]() -> Status {
      switch (any.number(0, 3)) {
        case 0: {
          Artifact changed = any.artifact(view.session);
          changed.row = one.artifact.row;
          REELKEEP_ASSIGN(one.artifact, catalog.put_artifact(changed));
          break;
        }
        case 1:
          one.replicas.push_back(any.replica());
          REELKEEP_TRY(catalog.put_replica(one.artifact.row, one.replicas.back()));
          break;
        case 2:
          if (one.replicas.empty()) break;
          REELKEEP_TRY(catalog.remove_replica(one.artifact.row, one.replicas.back().location));
          one.replicas.pop_back();
          break;
        default:
          REELKEEP_TRY(catalog.remove_artifact(one.artifact.row));
          view.artifacts.erase(view.artifacts.begin());
      }
      return {};
    }));
  }
}

SessionSummary summary_of(const SessionView& view, Timestamp now, Duration warn_before) {
  SessionSummary summary;
  summary.session = view.session;
  summary.state = session_state(view, now, warn_before);
  summary.deadline = session_deadline(view);
  for (const ArtifactView& one : view.artifacts) {
    // Cancelled and delivered artifacts count for nothing.
    if (one.artifact.state != ArtifactState::cancelled &&
        one.artifact.state != ArtifactState::delivered)
      ++summary.artifacts;
    if (one.artifact.state != ArtifactState::archived) continue;
    ++summary.archived;
    summary.bytes += one.artifact.size.value_or(ByteCount());
  }
  return summary;
}

}  // namespace

void check_session_states(const CatalogFixture& fixture) {
  AnyValue any(21);
  std::vector<SessionView> views = fill(fixture.catalog, any, 250);
  const auto reader = fixture.open_reader();
  std::map<SessionState, int> seen;
  for (int round = 0; round < 3; ++round) {
    const Timestamp now = any.time();
    const Duration warn_before(any.number(0, 30'000'000'000));
    const Listed all = list(*reader, {}, now, warn_before);
    REQUIRE(all.rows.size() == views.size());
    for (std::size_t i = 0; i < views.size(); ++i) {
      const SessionSummary expected = summary_of(views[views.size() - 1 - i], now, warn_before);
      const SessionSummary& found = all.rows[i];
      CHECK(found.session == expected.session);
      CHECK(to_string(found.state) == to_string(expected.state));
      CHECK(found.artifacts == expected.artifacts);
      CHECK(found.archived == expected.archived);
      CHECK(found.bytes == expected.bytes);
      CHECK(found.deadline == expected.deadline);
      ++seen[expected.state];
    }
    for (const auto state : {SessionState::lost, SessionState::overdue, SessionState::waiting,
                             SessionState::open, SessionState::complete}) {
      const Listed some = list(*reader, {.state = std::string(to_string(state))}, now, warn_before);
      const auto expected =
          std::count_if(all.rows.begin(), all.rows.end(),
                        [&](const SessionSummary& summary) { return summary.state == state; });
      CHECK(some.rows.size() == static_cast<std::size_t>(expected));
      for (const SessionSummary& summary : some.rows) CHECK(summary.state == state);
    }
    stir(fixture.catalog, any, views);
  }
  CHECK(seen.size() == 5);
}

void check_session_listing(const CatalogFixture& fixture) {
  Catalog& catalog = fixture.catalog;
  AnyValue any(22);
  constexpr int k_count = 450;  // several pages
  REQUIRE(catalog.transact([&]() -> Status {
    for (int i = 0; i < k_count; ++i) {
      Session session = any.session();
      session.key.app_id = AppId(i % 2 == 0 ? "even" : "odd");
      session.first_seen_at = at(i);
      if (i == 10) session.first_seen_at = at(10'000);  // an old row seen late
      REELKEEP_ASSIGN(session, catalog.put_session(session));
    }
    return {};
  }));
  const auto reader = fixture.open_reader();
  const Listed all = list(*reader, {});
  REQUIRE(all.rows.size() == k_count);
  CHECK(std::is_sorted(all.after.rbegin(), all.after.rend()));
  CHECK(all.rows.front().session.first_seen_at == at(k_count - 1));

  const Listed some = list(*reader, {.limit = 210});
  REQUIRE(some.rows.size() == 210);
  const Listed rest = list(*reader, {.after = some.after.back()});
  CHECK(rest.rows.size() == k_count - 210);
  CHECK(rest.rows.front().session == all.rows[210].session);
  CHECK(list(*reader, {.limit = 0}).rows.empty());

  const Listed even = list(*reader, {.app_id = AppId("even")});
  CHECK(even.rows.size() == k_count / 2);
  CHECK(list(*reader, {.app_id = AppId("none")}).rows.empty());
  CHECK(list(*reader, {.since = at(440)}).rows.size() == 11);
  CHECK(list(*reader, {.app_id = AppId("even"), .state = "open", .since = at(440)}).rows.size() ==
        6);
  CHECK(list(*reader, {.since = at(20'000)}).rows.empty());

  int calls = 0;
  CHECK(reader->sessions({}, at(0), Duration(0),
                         [&](const SessionSummary&, std::int64_t) { return ++calls < 3; }));
  CHECK(calls == 3);
}

void check_delivery_listing(const CatalogFixture& fixture) {
  Catalog& catalog = fixture.catalog;
  AnyValue any(23);
  REQUIRE(catalog.transact([&]() -> Status {
    for (int seq = 1; seq <= 450; ++seq) {
      DeliveryRecord record = any.delivery(Seq(seq));
      record.app_id = seq % 3 == 0 ? "third" : "other";
      record.received_at = at(seq);
      record.state = seq % 10 == 0 ? DeliveryState::quarantined : DeliveryState::applied;
      REELKEEP_TRY(catalog.put_delivery(record));
    }
    return {};
  }));
  const auto reader = fixture.open_reader();
  const auto all = list_deliveries(*reader, {});
  REQUIRE(all.size() == 450);
  CHECK(reader->figures()->quarantined_deliveries == 45);
  CHECK(std::is_sorted(all.rbegin(), all.rend()));
  CHECK(list_deliveries(*reader, {.after = 10}).front() == Seq(9));
  CHECK(list_deliveries(*reader, {.after = 10, .limit = 4}).back() == Seq(6));
  CHECK(list_deliveries(*reader, {.app_id = AppId("third")}).size() == 150);
  CHECK(list_deliveries(*reader, {.state = "quarantined"}).size() == 45);
  CHECK(list_deliveries(*reader, {.app_id = AppId("third"), .state = "quarantined"}).size() == 15);
  CHECK(list_deliveries(*reader, {.since = at(441)}).size() == 10);
}

void check_find(const CatalogFixture& fixture) {
  Catalog& catalog = fixture.catalog;
  AnyValue any(24);
  std::vector<SessionView> views = fill(catalog, any, 30);
  REQUIRE(catalog.transact([&]() -> Status {
    Session twin = any.session();
    twin.key = {AppId("twin"), views[3].session.key.conf_num};
    REELKEEP_ASSIGN(twin, catalog.put_session(twin));
    return {};
  }));
  const auto reader = fixture.open_reader();
  const auto both = reader->find(views[3].session.key.conf_num, std::nullopt).value();
  CHECK(both.size() == 2);
  CHECK(reader->find(ConfNum("unknown"), std::nullopt).value().empty());
  for (const SessionView& view : views) {
    const auto found = reader->find(view.session.key.conf_num, view.session.key.app_id).value();
    REQUIRE(found.size() == 1);
    CHECK(found[0].session == view.session);
    REQUIRE(found[0].artifacts.size() == view.artifacts.size());
    for (std::size_t i = 0; i < view.artifacts.size(); ++i) {
      CHECK(found[0].artifacts[i].artifact == view.artifacts[i].artifact);
      CHECK(found[0].artifacts[i].replicas == view.artifacts[i].replicas);

      const std::string& id = view.artifacts[i].artifact.id.get();
      const auto by_id = reader->find_artifact(id).value();
      REQUIRE(by_id.size() == 1);
      CHECK(by_id[0].session == view.session);
      REQUIRE(by_id[0].artifacts.size() == 1);
      CHECK(by_id[0].artifacts[0].artifact == view.artifacts[i].artifact);
      CHECK(by_id[0].artifacts[0].replicas == view.artifacts[i].replicas);
    }
  }
  CHECK(reader->find_artifact("").value().size() == 2);
  CHECK(reader->find_artifact("xyz").value().empty());
}

void check_figures(const CatalogFixture& fixture) {
  AnyValue any(25);
  const auto reader = fixture.open_reader();
  const auto nothing = reader->figures().value();
  CHECK(nothing.artifacts.empty());
  CHECK_FALSE(nothing.oldest_unarchived.has_value());
  CHECK_FALSE(nothing.nearest_deadline.has_value());

  std::vector<SessionView> views = fill(fixture.catalog, any, 60);
  for (int round = 0; round < 4; ++round) {
    CatalogFigures expected;
    const auto sooner = [](std::optional<Timestamp>& kept, Timestamp time) {
      if (!kept || time < *kept) kept = time;
    };
    for (const SessionView& view : views) {
      for (const auto& [artifact, replicas] : view.artifacts) {
        ++expected.artifacts[artifact.state];
        if (!is_work(artifact.state)) continue;
        sooner(expected.oldest_unarchived, artifact.known_at);
        if (artifact.state != ArtifactState::verifying && !artifact.digest) {
          sooner(expected.nearest_deadline, artifact.deadline);
        }
      }
    }
    const auto found = reader->figures().value();
    CHECK((found.artifacts == expected.artifacts));
    CHECK(found.oldest_unarchived == expected.oldest_unarchived);
    CHECK(found.nearest_deadline == expected.nearest_deadline);
    stir(fixture.catalog, any, views);
  }
}

void check_attempts(const CatalogFixture& fixture) {
  AnyValue any(26);
  Catalog& catalog = fixture.catalog;
  const auto reader = fixture.open_reader();
  std::vector<Artifact> artifacts;
  REQUIRE(catalog.transact([&]() -> Status {
    REELKEEP_ASSIGN(const Session session, catalog.put_session(any.session()));
    for (int i = 0; i < 2; ++i) {
      REELKEEP_ASSIGN(Artifact artifact, catalog.put_artifact(any.artifact(session)));
      artifacts.push_back(std::move(artifact));
    }
    return {};
  }));
  CHECK(reader->attempts(artifacts[0].row).value().empty());
  std::vector<Attempt> made;
  for (std::int64_t number = 1; number <= 3 * std::int64_t{k_remembered_attempts}; ++number) {
    made.push_back({.at = at(number), .number = number, .received = any.artifact({}).received});
    if (any.chance()) made.back().error = Error{Errc::timeout, "stalled at " + any.text()};
    REQUIRE(catalog.transact([&] { return catalog.add_attempt(artifacts[0].row, made.back()); }));
  }
  const Attempt other{.at = at(0), .number = 1, .error = Error{Errc::not_found, "404"}};
  REQUIRE(catalog.transact([&] { return catalog.add_attempt(artifacts[1].row, other); }));
  // The newest, in the order in which they came, and nobody else's.
  made.erase(made.begin(), made.end() - static_cast<std::ptrdiff_t>(k_remembered_attempts));
  CHECK(reader->attempts(artifacts[0].row).value() == made);
  CHECK(reader->attempts(artifacts[1].row).value() == std::vector{other});
  REQUIRE(catalog.transact([&] { return catalog.remove_artifact(artifacts[0].row); }));
  CHECK(reader->attempts(artifacts[0].row).value().empty());
  CHECK(reader->artifact(artifacts[1].row).value()->artifact == artifacts[1]);
  CHECK_FALSE(reader->artifact(artifacts[0].row).value().has_value());
  REQUIRE(catalog.transact([&] { return catalog.clear(); }));
  CHECK(reader->attempts(artifacts[1].row).value().empty());
}

void check_queue_of_sources(const CatalogFixture& fixture) {
  AnyValue any(27);
  const auto reader = fixture.open_reader();
  std::vector<SessionView> views = fill(fixture.catalog, any, 60);
  for (int round = 0; round < 3; ++round) {
    std::vector<std::pair<Timestamp, ArtifactRow>> expected;
    std::map<ArtifactKind, std::vector<std::uint64_t>> archived;
    std::map<ArtifactRow, Artifact> known;
    for (const SessionView& view : views) {
      for (const auto& [artifact, replicas] : view.artifacts) {
        known[artifact.row] = artifact;
        if (artifact.state == ArtifactState::archived && artifact.size)
          archived[artifact.identity.kind].push_back(artifact.size->get());
        if (is_work(artifact.state) && artifact.state != ArtifactState::verifying &&
            !artifact.digest)
          expected.emplace_back(artifact.deadline, artifact.row);
      }
    }
    std::ranges::sort(expected);
    std::vector<std::pair<Timestamp, ArtifactRow>> found;
    REQUIRE(reader->queue({}, [&](const QueuedSource& one) {
      found.emplace_back(one.deadline, one.row);
      CHECK(one.kind == known[one.row].identity.kind);
      CHECK(one.declared_size == known[one.row].declared_size);
      CHECK(one.received == known[one.row].received);
      CHECK(one.length == (known[one.row].resume ? known[one.row].resume->length : std::nullopt));
      return true;
    }));
    CHECK((found == expected));
    const auto sizes = reader->typical_sizes().value();
    CHECK(sizes.size() == archived.size());
    for (const auto& [kind, of_kind] : archived) {
      REQUIRE(sizes.contains(kind));
      CHECK(sizes.at(kind).get() <= *std::ranges::max_element(of_kind));
      CHECK(sizes.at(kind).get() >= *std::ranges::min_element(of_kind));
    }
    stir(fixture.catalog, any, views);
  }
  std::vector<ArtifactRow> all;
  REQUIRE(reader->queue({}, [&](const QueuedSource& one) {
    all.push_back(one.row);
    return true;
  }));
  std::vector<ArtifactRow> paged;
  std::optional<QueuedSource> last;
  for (std::size_t before = 1; before != paged.size();) {
    before = paged.size();
    REQUIRE(reader->queue(last, [&](const QueuedSource& one) {
      paged.push_back(one.row);
      last = one;
      return paged.size() - before < 3;
    }));
  }
  CHECK((paged == all));
}

void check_reading_while_writing(const CatalogFixture& fixture) {
  Catalog& catalog = fixture.catalog;
  const auto reader = fixture.open_reader();
  const auto version = reader->data_version().value();
  CHECK(reader->data_version().value() == version);
  REQUIRE(catalog.transact([&]() -> Status {
    REELKEEP_TRY(catalog.put_delivery({.seq = Seq(1)}));
    // Not to be seen before the commit, and no reader waits for it.
    CHECK(list_deliveries(*reader, {}).empty());
    return {};
  }));
  CHECK(reader->data_version().value() != version);
  // A listing is no obstacle to the writer, not even in the middle of its output.
  REQUIRE(reader->deliveries({}, [&](const DeliveryRecord&) {
    CHECK(catalog.transact([&] { return catalog.put_delivery({.seq = Seq(2)}); }));
    return true;
  }));
  CHECK(list_deliveries(*reader, {}).size() == 2);
}

}  // namespace reelkeep::testing
