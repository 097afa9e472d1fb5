// What follows from a commit happens, also when the process ends right behind it.
#include "core/house.hpp"
#include "support/memory_store.hpp"

using namespace reelkeep;
using namespace reelkeep::testing;
using namespace std::chrono_literals;

namespace {

/// Hands everything on to a journal but our own findings, while the test says so. Any thread.
class DeafJournal final : public JournalWriter {
 public:
  enum class Findings {
    taken,
    refused,
    lost  ///< as when the process dies before they are written: nobody hears of them again
  };
  explicit DeafJournal(JournalWriter& journal) : m_journal(journal) {}
  std::atomic<Findings> findings = Findings::taken;

  void append(NewEntry entry, Done done) override {
    const Findings now = entry.kind == EntryKind::outcome ? findings.load() : Findings::taken;
    if (now == Findings::taken)
      m_journal.append(std::move(entry), std::move(done));
    else if (now == Findings::refused)
      done(Error{Errc::no_space, "the disk is full"});
  }
  Result<std::vector<Appended>> append_all(std::vector<NewEntry> entries) override {
    return m_journal.append_all(std::move(entries));
  }
  Status probe() override { return m_journal.probe(); }
  Result<std::int64_t> erase_bodies(Timestamp before) override {
    return m_journal.erase_bodies(before);
  }
  Status checkpoint() override { return m_journal.checkpoint(); }
  [[nodiscard]] Duration longest_turn() const override { return m_journal.longest_turn(); }

 private:
  JournalWriter& m_journal;
};

/// A house whose only store is a disk that the test holds.
struct FarHouse : House {
  FarHouse() {
    policy->projects[0].stores = {StoreId("far")};
    auto held = std::make_unique<MemoryStore>(StoreId("far"), disk);
    far = held.get();
    more_stores.push_back(std::move(held));
    agents_journal = &journal;
  }
  ~FarHouse() { stop(); }
  void present(bool there) {
    const std::lock_guard lock(disk.mutex);
    disk.present = there;
  }
  std::size_t files() {
    const std::lock_guard lock(disk.mutex);
    return disk.files.size();
  }
  bool is_journaled_that_bytes_are_here() {
    auto reader = sqlite::open_journal_reader(dir.path("journal.db")).value();
    const std::vector<Entry> entries = reader->read(Seq(0), 1000).value();
    return std::ranges::any_of(entries, [](const Entry& entry) {
      return entry.kind == EntryKind::outcome &&
             std::holds_alternative<BytesReceived>(decode_outcome(*entry.body).value());
    });
  }

  MemoryDisk disk;
  DeafJournal journal{*writer};
  MemoryStore* far = nullptr;
};

}  // namespace

TEST_CASE("bytes that wait for a store outlive the catalog, although their row got lost at first") {
  FarHouse house;
  house.reply(k_url, {{{}, movie("one")}, {Error{Errc::not_found, "404"}, ""}});
  house.present(false);
  using Findings = DeafJournal::Findings;
  bool dies = false;
  SUBCASE("the process died before it was written") {
    house.journal.findings = Findings::lost;
    dies = true;
  }
  SUBCASE("the journal refused it") {
    house.journal.findings = Findings::refused;
  }
  house.start();
  REQUIRE(house.eventually([&] {
    const auto problems = house.agent->status().store_problems;
    const auto far = problems.find("far");
    return far != problems.end() && far->second != core::k_not_opened_yet;
  }));
  house.deliver(k_offer);
  house.until([](const SessionView& view) {
    return view.artifacts.size() == 1 && first(view).state == ArtifactState::verifying &&
           first(view).error;
  });
  CHECK_FALSE(house.is_journaled_that_bytes_are_here());
  if (dies) house.stop();
  house.journal.findings = Findings::taken;
  if (dies) house.start();
  REQUIRE(house.eventually([&] { return house.is_journaled_that_bytes_are_here(); }, 1s));

  house.stop();
  REQUIRE(sqlite::remove_catalog(house.dir.path("catalog.db")).has_value());
  house.clock.turn(200h);  // the source is past
  house.present(true);
  house.start();
  house.until_state(ArtifactState::archived);
  CHECK(house.requests(k_url) == 1);
}

TEST_CASE("what --replace superseded goes at the next start, when it could not before") {
  FarHouse house;
  house.reply(k_url, {{{}, movie("old")}, {{}, movie("newer")}, {{}, movie("newest")}});
  house.start();
  house.deliver(k_offer);
  const SessionView old = house.until_state(ArtifactState::archived);
  house.far->refuse_removals(true);
  house.command(RedownloadCommand{first(old).identity.session, {first(old).id}, true});
  house.until([](const SessionView& view) {
    return !first(view).refetch && view.artifacts[0].replicas.size() == 2;
  });
  house.stop();
  house.far->refuse_removals(false);
  house.start();
  house.until([](const SessionView& view) { return view.artifacts[0].replicas.size() == 1; });
  CHECK(house.files() == 1);

  // A version that was not to be replaced stays, whatever became of the one before it.
  house.command(RedownloadCommand{first(old).identity.session, {first(old).id}, false});
  house.until([](const SessionView& view) { return view.artifacts[0].replicas.size() == 2; });
  house.stop();
  house.start();
  house.offer({"https://portal.enablex.io/p/behind.mov"}, {{}, movie("behind")}, "c2");
  house.until(
      [](const SessionView& view) {
        return !view.artifacts.empty() && first(view).state == ArtifactState::archived;
      },
      "c2");
  CHECK(house.files() == 3);
}

TEST_CASE("a replay is part of the commit that moves past its row") {
  Projection projection;
  const Seq seq = projection.deliver(k_offer, "narrow");
  projection.policy.users["narrow"] = {"another"};
  projection.advance();
  REQUIRE(projection.catalog->delivery(seq).value()->state == DeliveryState::quarantined);
  projection.policy.users["narrow"] = {"*"};
  projection.record(EntryKind::command, encode(ReplayCommand{{seq}}));
  REQUIRE(projection.advance().empty());  // nothing is left for after it
  CHECK(projection.catalog->delivery(seq).value()->state == DeliveryState::applied);
  CHECK(projection.show().artifacts.size() == 1);
}
