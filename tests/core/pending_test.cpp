// What waits for a store lies in the catalog: an outage costs neither memory nor work.
#include <condition_variable>

#include "core/house.hpp"
#include "support/memory_store.hpp"

using namespace reelkeep;
using namespace reelkeep::testing;
using namespace std::chrono_literals;

namespace {

/// A house with a second store, whose disk the test holds.
struct TwoStores {
  TwoStores() {
    house.policy->projects[0].stores = {StoreId("local"), StoreId("far")};
    auto store = std::make_unique<MemoryStore>(StoreId("far"), disk);
    far = store.get();
    house.more_stores.push_back(std::move(store));
  }
  void present(bool there) {
    const std::lock_guard lock(disk.mutex);
    disk.present = there;
  }
  std::size_t far_files() {
    const std::lock_guard lock(disk.mutex);
    return disk.files.size();
  }
  std::int64_t count(ArtifactState state) {
    auto reader = sqlite::open_catalog_reader(house.dir.path("catalog.db"));
    if (!reader) return -1;
    auto figures = (*reader)->figures();
    return figures ? figures->artifacts[state] : -1;
  }
  bool is_open() { return house.agent->status().store_problems.empty(); }

  MemoryDisk disk;
  House house;
  MemoryStore* far = nullptr;
};

/// A file whose reading back lasts until it is interrupted.
class EndlessFile final : public StagingFile {
 public:
  struct Seen {
    std::mutex mutex;
    std::condition_variable changed;
    bool is_read = false;         ///< guarded by mutex
    bool is_interrupted = false;  ///< guarded by mutex
  };
  explicit EndlessFile(Seen& seen) : m_seen(seen) {}

  Status prepare() override {
    std::unique_lock lock(m_seen.mutex);
    m_seen.is_read = true;
    m_seen.changed.notify_all();
    m_seen.changed.wait_for(lock, 60s, [this] { return m_seen.is_interrupted; });
    return never();
  }
  void interrupt() noexcept override {
    const std::lock_guard lock(m_seen.mutex);
    m_seen.is_interrupted = true;
    m_seen.changed.notify_all();
  }
  [[nodiscard]] ByteCount size() const override { return {}; }
  Status expect(ByteCount) override { return never(); }
  Status append(std::span<const std::byte>) override { return never(); }
  Status write(std::span<const std::byte>) override { return never(); }
  void hash(std::span<const std::byte>) override {}
  Status restart() override { return never(); }
  Status spread() override { return never(); }
  Status write_ahead(ByteCount, std::span<const std::byte>) override { return never(); }
  Status take_in(ByteCount) override { return never(); }
  Status gather() override { return never(); }
  Status sync() override { return never(); }
  Result<Digest> digest() override { return never().error(); }
  Result<std::size_t> read_at(ByteCount, std::span<std::byte>) override { return never().error(); }
  [[nodiscard]] const std::string& path() const override { return m_path; }

 private:
  static Status never() { return Error{Errc::cancelled, "interrupted"}; }
  Seen& m_seen;
  const std::string m_path = "endless";
};

/// Staging whose complete files take for ever to read back.
class EndlessStaging final : public Staging {
 public:
  EndlessStaging(std::unique_ptr<Staging> real, EndlessFile::Seen& seen)
      : m_real(std::move(real)), m_seen(seen) {}
  std::unique_ptr<StagingFile> open(const std::string& name,
                                    std::optional<ResumePoint> resume) override {
    if (resume) return std::make_unique<EndlessFile>(m_seen);
    return m_real->open(name, std::move(resume));
  }
  Result<std::optional<ByteCount>> stat(const std::string& name) override {
    return m_real->stat(name);
  }
  Status remove(const std::string& name) override { return m_real->remove(name); }
  Status set_aside(const std::string& name) override { return m_real->set_aside(name); }
  Status take_back(const std::string& name) override { return m_real->take_back(name); }
  Status discard_aside(const std::string& name) override { return m_real->discard_aside(name); }
  Result<std::vector<std::string>> list() override { return m_real->list(); }
  Result<ByteCount> free_space() override { return m_real->free_space(); }
  [[nodiscard]] ByteCount promised() override { return m_real->promised(); }
  [[nodiscard]] const std::string& boot_id() const override { return m_real->boot_id(); }
  [[nodiscard]] std::string path_of(const std::string& name) const override {
    return m_real->path_of(name);
  }

 private:
  const std::unique_ptr<Staging> m_real;
  EndlessFile::Seen& m_seen;
};

std::vector<std::string> many(int count) {
  std::vector<std::string> urls;
  for (int i = 0; i < count; ++i)
    urls.push_back("https://portal.enablex.io/p/" + std::to_string(i) + ".mov");
  return urls;
}

}  // namespace

TEST_CASE("a store that is away past every deadline gets all that waited, and nothing is lost") {
  TwoStores two;
  House& house = two.house;
  house.start();
  REQUIRE(house.eventually([&] { return two.is_open(); }));
  two.present(false);
  REQUIRE(house.eventually([&] { return !two.is_open(); }, 6s));
  constexpr int k_files = 300;  // more than a store is handed at a time
  house.offer(many(k_files), {{}, movie("one")});
  REQUIRE(house.eventually([&] { return two.count(ArtifactState::verifying) == k_files; }));
  house.clock.turn(200h);  // past the deadline and the span after it
  SUBCASE("in the same run") {}
  SUBCASE("in the next run") {
    house.stop();
    house.start();
    REQUIRE(house.eventually([&] { return house.agent->status().store_problems.size() == 1; }));
  }
  SUBCASE("with the catalog lost") {
    house.stop();
    REQUIRE(sqlite::remove_catalog(house.dir.path("catalog.db")).has_value());
    house.start();
    REQUIRE(house.eventually([&] { return house.agent->status().store_problems.size() == 1; }));
  }
  CHECK(two.far_files() == 0);
  two.present(true);
  REQUIRE(house.eventually([&] { return two.count(ArtifactState::archived) == k_files; }, 3s));
  CHECK(two.far_files() == k_files);
  house.until([](const SessionView& v) {
    return session_state(v, k_noon + 300h, 0s) != SessionState::lost;
  });
  house.stop();
  CHECK(house.staging->list().value().empty());
  CHECK(house.requests(many(1)[0]) == 1);
}

TEST_CASE("a store that refuses is tried with one file at a time until it takes one") {
  TwoStores two;
  House& house = two.house;
  house.start();
  REQUIRE(house.eventually([&] { return two.is_open(); }));
  two.far->fail_puts(Error{Errc::no_space, "the quota is used up"}, 1'000'000);
  house.offer(many(40), {{}, movie("one")});
  REQUIRE(house.eventually([&] { return two.count(ArtifactState::verifying) == 40; }));
  REQUIRE(house.eventually([&] { return two.far->batches().size() >= 3; }, 1s));
  CHECK(two.far->batches().back() == 1);
  CHECK(house.agent->status().store_problems.at("far").find("the quota is used up") !=
        std::string::npos);
  two.far->fail_puts(Error{Errc::no_space, "the quota is used up"}, 0);
  CHECK(house.eventually([&] { return two.count(ArtifactState::archived) == 40; }, 1min));
  CHECK(house.eventually([&] { return house.agent->status().store_problems.empty(); }));
}

TEST_CASE("bytes fetched again that wait for a store are not fetched once more by the next run") {
  TwoStores two;
  House& house = two.house;
  house.reply(k_url, {{{}, movie("old")}, {{}, movie("newer")}});
  house.start();
  house.deliver(k_offer);
  const SessionView old = house.until_state(ArtifactState::archived);
  two.present(false);
  REQUIRE(house.eventually([&] { return !two.is_open(); }, 6s));
  house.command(RedownloadCommand{first(old).identity.session, {first(old).id}, false});
  house.until([](const SessionView& v) { return first(v).error.has_value(); });
  house.stop();
  two.present(true);
  house.clock.turn(1min);
  house.start();
  const SessionView view = house.until([](const SessionView& v) {
    return !first(v).refetch && first(v).digest == sha256(movie("newer"));
  });
  CHECK(house.requests(k_url) == 2);
  CHECK(first(view).state == ArtifactState::archived);
}

TEST_CASE(
    "what staging lost is copied from a store that has it, when the source gives it no more") {
  TwoStores two;
  House& house = two.house;
  house.reply(k_url, {{{}, movie("one")}, {Error{Errc::not_found, "404"}, ""}});
  house.start();
  REQUIRE(house.eventually([&] { return two.is_open(); }));
  two.present(false);
  REQUIRE(house.eventually([&] { return !two.is_open(); }, 6s));
  house.deliver(k_offer);
  const SessionView held = house.until([](const SessionView& view) {
    return view.artifacts.size() == 1 && first(view).state == ArtifactState::verifying &&
           view.artifacts[0].replicas.size() == 1;
  });
  const std::string part = "staging/" + first(held).staging_name + ".part";
  SUBCASE("other bytes") {
    house.dir.write(part, movie("two"));
  }
  SUBCASE("nothing at all") {
    std::filesystem::remove(house.dir.path(part));
  }
  house.clock.turn(200h);
  two.present(true);
  REQUIRE(house.eventually([&] {
    house.clock.turn(1min);  // to the next try
    house.agent->wake();
    return two.count(ArtifactState::archived) == 1;
  }));
  CHECK(house.requests(k_url) == 1);
  const std::lock_guard lock(two.disk.mutex);
  CHECK(two.disk.files.at("r1/c1/recording/f.mov") == movie("one"));
}

TEST_CASE("killed between link and unlink, a file is found in the archive, not fetched again") {
  House house;
  house.reply(k_url, {{{}, movie("only once")}, {Error{Errc::not_found, "404"}, ""}});
  house.start();
  REQUIRE(house.eventually([&] { return house.dir.exists("archive/.reelkeep-archive"); }));
  std::filesystem::rename(house.dir.path("archive"), house.dir.path("unmounted"));
  house.deliver(k_offer);
  const SessionView held = house.until([](const SessionView& view) {
    return view.artifacts.size() == 1 && first(view).state == ArtifactState::verifying &&
           first(view).error;
  });
  house.stop();
  std::filesystem::rename(house.dir.path("unmounted"), house.dir.path("archive"));
  std::filesystem::create_directories(house.dir.path("archive/r1/c1/recording"));
  std::filesystem::create_hard_link(house.dir.path("staging/" + first(held).staging_name + ".part"),
                                    house.dir.path(k_file));
  house.clock.turn(200h);
  house.start();
  house.until_state(ArtifactState::archived);
  CHECK(house.requests(k_url) == 1);
  CHECK(house.dir.read(k_file) == movie("only once"));
  CHECK(house.staging->list()->empty());
}

TEST_CASE("a stop does not wait until a long file is read back") {
  EndlessFile::Seen seen;
  TwoStores two;
  House& house = two.house;
  two.present(false);
  house.start();
  house.offer({k_url}, {{}, movie(std::string(2 << 20, 'x'))});
  house.until([](const SessionView& view) { return !view.artifacts[0].replicas.empty(); });
  house.stop();
  house.staging = std::make_unique<EndlessStaging>(std::move(house.staging), seen);
  two.present(true);
  house.start();
  {
    std::unique_lock lock(seen.mutex);
    REQUIRE(seen.changed.wait_for(lock, 60s, [&] { return seen.is_read; }));
  }
  house.stop();
  CHECK(seen.is_interrupted);
  CHECK(two.far_files() == 0);
  CHECK(house.staging->list().value().size() == 1);
}
