#include <algorithm>
#include <atomic>
#include <cmath>
#include <doctest/doctest.h>
#include <filesystem>
#include <functional>
#include <mutex>
#include <set>
#include <thread>
#include <unistd.h>

#include "core/house.hpp"

// Fourteen days of a fake clock, thousands of sessions, through the real agent, journal, catalog,
// staging and store; only time and the provider are scripted.

using namespace reelkeep;
using namespace reelkeep::testing;
using std::chrono::hours;
using std::chrono::minutes;

namespace {

constexpr Duration k_offered_for = hours(72);
constexpr Duration k_warn_before = hours(12);
constexpr Duration k_step = minutes(10);
constexpr int k_sessions = 2400;

/// `true_time` goes on evenly; what the agent reads may be ahead or behind.
class SteeredClock final : public Clock {
 public:
  [[nodiscard]] Timestamp now() const override {
    return Timestamp(Duration(m_true.load() + m_wrong_by.load()));
  }
  /// The agent asks once in each turn, when it has taken its messages: so turns can be counted.
  [[nodiscard]] MonotonicTime steady() const override {
    ++m_turns;
    return MonotonicTime(Duration(m_true.load()));
  }
  [[nodiscard]] Timestamp true_time() const { return Timestamp(Duration(m_true.load())); }
  void go_to(Timestamp at) { m_true = at.time_since_epoch().count(); }
  void be_wrong_by(Duration offset) { m_wrong_by = offset.count(); }
  [[nodiscard]] std::int64_t turns() const { return m_turns; }

 private:
  std::atomic<std::int64_t> m_true{k_noon.time_since_epoch().count()};
  std::atomic<std::int64_t> m_wrong_by{0};
  mutable std::atomic<std::int64_t> m_turns{0};
};

using Answer = std::function<Reply(const FetchRequest&)>;

/// Answers at once, on the agent's thread.
class InstantFetcher final : public Fetcher {
 public:
  InstantFetcher(FetchSink& sink, Answer answer) : m_sink(sink), m_answer(std::move(answer)) {}
  void submit(FetchRequest request) override {
    const Reply reply = m_answer(request);
    Fetched fetched{.ticket = request.ticket};
    if (reply.error) {
      fetched.status = *reply.error;
    } else {
      REQUIRE(request.file->prepare().has_value());
      REQUIRE(request.file->restart().has_value());
      REQUIRE(request.file->append(std::as_bytes(std::span(reply.bytes))).has_value());
      REQUIRE(request.file->sync().has_value());
      fetched.digest = request.file->digest().value();
      fetched.received = request.file->size();
      fetched.credential_accepted = true;
    }
    fetched.file = std::move(request.file);
    m_sink.fetched(std::move(fetched));
  }
  void cancel(std::uint64_t) override {}
  void grant(std::uint64_t, std::size_t) override {}
  void set_limits(const FetchLimits&) override {}
  [[nodiscard]] std::uint64_t received_bytes() const override { return 0; }
  [[nodiscard]] Duration longest_turn() const override { return {}; }

 private:
  FetchSink& m_sink;
  const Answer m_answer;
};

/// A script for the provider and the clock, and the agent that lives through it.
class Fortnight {
 public:
  Fortnight() {
    policy("first");
    m_writer = sqlite::open_journal_writer(m_dir.path("journal.db"), {}).value();
    m_store = fs::make_local_store(StoreId("local"), m_dir.path("archive"),
                                   {.staging_dir = m_dir.path("staging")});
    m_staging = fs::make_staging(m_dir.path("staging"), {}).value();
    m_agent = std::make_unique<core::Agent>(
        core::AgentPorts{
            .open_journal =
                [this] { return sqlite::open_journal_reader(m_dir.path("journal.db")); },
            .open_catalog = [this] { return sqlite::open_catalog(m_dir.path("catalog.db")); },
            .remove_catalog = [this] { return sqlite::remove_catalog(m_dir.path("catalog.db")); },
            .journal = m_writer.get(),
            .provider = m_provider.get(),
            .staging = m_staging.get(),
            .stores = {m_store.get()},
            .clock = &clock,
            .make_fetcher =
                [this](FetchSink& sink) {
                  return std::make_unique<InstantFetcher>(
                      sink, [this](const FetchRequest& request) { return answer(request); });
                }},
        m_policy);
    m_agent->start();
    settle();
    m_reader = sqlite::open_catalog_reader(m_dir.path("catalog.db")).value();
  }
  ~Fortnight() { m_agent->stop(); }

  /// Passwords that the provider takes, from some time on; what the operator wrote is policy().
  void provider_takes(const std::string& password) {
    std::lock_guard lock(m_mutex);
    m_password = password;
  }
  void policy(const std::string& password) {
    auto made = std::make_shared<core::Policy>();
    made->projects.push_back({.app_id = AppId("*"),
                              .credential = Credential{"u", Secret(password)},
                              .offered_for = k_offered_for,
                              .stores = {StoreId("local")}});
    made->minimum_free_space = ByteCount(0);
    made->concurrency = made->per_host = 64;
    made->warn_before = k_warn_before;
    m_policy = made;
    if (m_agent) m_agent->set_policy(made);
  }
  void outage(std::optional<Error> error) {
    std::lock_guard lock(m_mutex);
    m_outage = std::move(error);
  }
  /// `gone`: this one is answered 404 for ever.
  void offer(const std::string& conf, bool gone) {
    const std::string url = "https://portal.enablex.io/" + conf + ".mp4";
    m_arriving.push_back(
        {.received_at = clock.now(),
         .body = R"({"type":"recording","trans_date":)" +
                 std::to_string(clock.true_time().time_since_epoch().count() / 1000) +
                 R"(,"app_id":"a1","room_id":"r)" + conf.substr(conf.size() - 1) +
                 R"(","conf_num":")" + conf + R"(","recording":")" + url + "\"}"});
    std::lock_guard lock(m_mutex);
    m_ended[conf] = clock.true_time();
    if (gone) m_gone.insert(url);
  }

  /// What arrived is journaled and everything that can be done at this time is done.
  void settle() {
    if (!m_arriving.empty())
      REQUIRE(m_writer->append_all(std::exchange(m_arriving, {})).has_value());
    std::map<ArtifactState, std::int64_t> before;
    for (;;) {
      turn();
      turn();
      if (!m_reader) return;
      auto now = m_reader->figures().value();
      const bool behind = now.position.cursor != cursor_of_journal();
      const bool busy = now.artifacts[ArtifactState::running] > 0 ||
                        now.artifacts[ArtifactState::verifying] > 0 || behind;
      if (!busy && now.artifacts == before) return;
      before = now.artifacts;
      std::this_thread::yield();
    }
  }

  SessionView show(const std::string& conf) {
    return m_reader->find(ConfNum(conf), {}).value().at(0);
  }
  [[nodiscard]] std::map<std::string, Timestamp> ended() {
    std::lock_guard lock(m_mutex);
    return m_ended;
  }
  std::set<std::string> overdue() {
    std::set<std::string> found;
    const ListFilter filter{.state = "overdue"};
    REQUIRE(m_reader
                ->sessions(filter, clock.now(), k_warn_before,
                           [&](const SessionSummary& row, std::int64_t) {
                             found.insert(row.session.key.conf_num.get());
                             return true;
                           })
                .has_value());
    return found;
  }
  /// Sessions whose bytes were given out, and when.
  std::map<std::string, Timestamp> served() {
    std::lock_guard lock(m_mutex);
    return m_served;
  }
  [[nodiscard]] std::int64_t requests() {
    std::lock_guard lock(m_mutex);
    return m_requests;
  }
  std::optional<std::string> journaled_body(Seq seq) {
    return m_journal->find(seq).value().value().body;
  }
  std::map<ArtifactState, std::int64_t> states() { return m_reader->figures().value().artifacts; }

  SteeredClock clock;

 private:
  Reply answer(const FetchRequest& request) {
    std::lock_guard lock(m_mutex);
    ++m_requests;
    if (m_outage) return {*m_outage, ""};
    if (request.credential->password.reveal() != m_password)
      return {Error{Errc::unauthorized, "401 unauthorized"}, ""};
    const std::string url = request.url.display();
    if (m_gone.contains(url)) return {Error{Errc::not_found, "404 not found"}, ""};
    const std::size_t from = url.rfind('/') + 1;
    m_served[url.substr(from, url.rfind('.') - from)] = clock.true_time();
    return {std::nullopt, movie(url)};
  }

  /// A whole turn that began after now.
  void turn() {
    const auto hang = std::chrono::steady_clock::now() + std::chrono::milliseconds(k_hang_ms);
    const std::int64_t wanted = clock.turns() + 1;
    m_agent->wake();
    while (clock.turns() < wanted) {
      REQUIRE(std::chrono::steady_clock::now() < hang);
      std::this_thread::yield();
    }
  }
  Seq cursor_of_journal() {
    if (!m_journal) m_journal = sqlite::open_journal_reader(m_dir.path("journal.db")).value();
    return m_journal->end().value().cursor;
  }

  // Thousands of commits: where there is a folder in memory they need not wait for a disk.
  TempDir m_dir{::access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp"};
  std::mutex m_mutex;
  std::string m_password = "first";           ///< guarded by m_mutex
  std::optional<Error> m_outage;              ///< guarded by m_mutex
  std::set<std::string> m_gone;               ///< guarded by m_mutex
  std::map<std::string, Timestamp> m_ended;   ///< guarded by m_mutex
  std::map<std::string, Timestamp> m_served;  ///< guarded by m_mutex
  std::int64_t m_requests = 0;                ///< guarded by m_mutex
  std::vector<NewEntry> m_arriving;
  std::shared_ptr<const core::Policy> m_policy;
  std::unique_ptr<Provider> m_provider = enablex::make_provider({});
  std::unique_ptr<JournalWriter> m_writer;
  std::unique_ptr<JournalReader> m_journal;
  std::unique_ptr<Store> m_store;
  std::unique_ptr<Staging> m_staging;
  std::unique_ptr<CatalogReader> m_reader;
  std::unique_ptr<core::Agent> m_agent;
};

/// Does `from` lie at most this step ago?
bool comes(Duration now, Duration at) {
  return at <= now && now < at + k_step;
}

}  // namespace

TEST_CASE(
    "in fourteen days of outages, a changed password and a clock that jumps, everything offered is "
    "archived inside its deadline, and the rest was warned of") {
  const auto began = std::chrono::steady_clock::now();
  Fortnight world;
  std::set<std::string> gone;
  std::set<std::string> warned;
  int offered = 0;
  const Error down{Errc::unavailable, "503 service unavailable"};
  const Error silent{Errc::timeout, "no answer"};
  const Timestamp start = world.clock.true_time();
  for (Duration now{}; now < hours(24 * 17); now += k_step) {
    world.clock.go_to(start + now);
    for (const auto& [at, error] : std::vector<std::pair<Duration, std::optional<Error>>>{
             {hours(30), down},
             {hours(38), std::nullopt},  // eight hours
             {hours(24 * 4), silent},
             {hours(24 * 4 + 30), std::nullopt},  // thirty hours
             {hours(24 * 9), down},
             {hours(24 * 9 + 5), std::nullopt},
             {hours(24 * 11), silent},
             {hours(24 * 11 + 3), std::nullopt}})
      if (comes(now, at)) world.outage(error);
    // The password is changed at the provider; somebody tells the agent half a day later.
    if (comes(now, hours(24 * 6))) world.provider_takes("second");
    if (comes(now, hours(24 * 6 + 12))) world.policy("second");
    // In the middle of outages, so that many wait: ten years ahead for 40 minutes, and three hours
    // behind for one.
    if (comes(now, hours(24 * 9 + 3))) world.clock.be_wrong_by(hours(24 * 3650));
    if (comes(now, hours(24 * 9 + 3) + minutes(40))) world.clock.be_wrong_by(Duration(0));
    if (comes(now, hours(24 * 11 + 1))) world.clock.be_wrong_by(-hours(3));
    if (comes(now, hours(24 * 11 + 2))) world.clock.be_wrong_by(Duration(0));

    for (; offered < k_sessions && now >= hours(24 * 14) * offered / k_sessions; ++offered) {
      const std::string conf = "conf-" + std::to_string(offered);
      const bool lost = offered % 200 == 77;
      if (lost) gone.insert(conf);
      world.offer(conf, lost);
    }
    world.settle();
    if (now % Duration(hours(6)) == Duration(0)) warned.merge(world.overdue());
  }

  const auto served = world.served();
  for (const auto& [conf, ended] : world.ended()) {
    CAPTURE(conf);
    const SessionView session = world.show(conf);
    REQUIRE(session.artifacts.size() == 1);
    const Artifact& artifact = session.artifacts[0].artifact;
    if (gone.contains(conf)) {
      CHECK(artifact.state == ArtifactState::expired);
      CHECK(warned.contains(conf));
    } else {
      CHECK(artifact.state == ArtifactState::archived);
      REQUIRE(served.contains(conf));
      CHECK(served.at(conf) < ended + k_offered_for);
    }
  }
  // A clock that was ten years ahead for a while was no reason to empty the journal's bodies.
  CHECK(world.journaled_body(Seq(1)).has_value());
  const auto states = world.states();
  CHECK(states.at(ArtifactState::archived) == k_sessions - static_cast<std::int64_t>(gone.size()));
  MESSAGE("17 days, " << k_sessions << " sessions, " << world.requests() << " requests, "
                      << warned.size() << " warned of, " << gone.size() << " never offered; "
                      << std::chrono::duration_cast<std::chrono::seconds>(
                             std::chrono::steady_clock::now() - began)
                             .count()
                      << " s");
}
