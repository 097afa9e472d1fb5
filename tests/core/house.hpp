#pragma once

#include <algorithm>
#include <atomic>
#include <ctime>
#include <deque>
#include <doctest/doctest.h>
#include <functional>
#include <map>
#include <poll.h>

#include "core/agent.hpp"
#include "core/harness.hpp"
#include "core/records.hpp"
#include "crypto/sha256.hpp"
#include "fs/local_store.hpp"
#include "fs/staging.hpp"
#include "fs/watch.hpp"

namespace reelkeep::testing {

/// Long enough for any machine; reaching it is a failure.
inline constexpr int k_hang_ms = 20'000;

/// When waiting is over: by the processor time that this process had meanwhile, since a loaded
/// machine is no hang; in the end by the clock as well, for what sleeps for ever.
class Patience {
 public:
  [[nodiscard]] bool ended() const {
    const auto waited = std::chrono::steady_clock::now() - m_start;
    if (waited < std::chrono::milliseconds(k_hang_ms)) return false;
    const double used = static_cast<double>(std::clock() - m_used) / CLOCKS_PER_SEC;
    return used * 1000 > k_hang_ms || waited > 9 * std::chrono::milliseconds(k_hang_ms);
  }

 private:
  std::chrono::steady_clock::time_point m_start = std::chrono::steady_clock::now();
  std::clock_t m_used = std::clock();
};

/// A minimal MP4: one ftyp box and a free box with `text`.
inline std::string movie(const std::string& text) {
  const auto box = [](const std::string& type, const std::string& payload) {
    const auto size = static_cast<std::uint32_t>(8 + payload.size());
    std::string bytes;
    for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>((size >> shift) & 0xff);
    return bytes + type + payload;
  };
  return box("ftyp", std::string("isom\0\0\0\1isom", 12)) + box("free", text);
}

class TurnedClock final : public Clock {
 public:
  [[nodiscard]] Timestamp now() const override { return Timestamp(Duration(m_now.load())); }
  [[nodiscard]] MonotonicTime steady() const override {
    return std::chrono::time_point_cast<Duration>(std::chrono::steady_clock::now()) +
           Duration(m_ahead.load());
  }
  void turn(Duration by) { m_now += by.count(); }
  void turn_steady(Duration by) { m_ahead += by.count(); }

 private:
  std::atomic<std::int64_t> m_now{k_noon.time_since_epoch().count()};
  std::atomic<std::int64_t> m_ahead = 0;
};

struct Reply {
  std::optional<Error> error;
  std::string bytes;  ///< with an error: what came before it
  int http_status = 0;
  std::optional<ByteCount> length{};  ///< that the server declared
};

/// Answers each URL with its replies in turn, the last one for ever; holds back what is "held".
class ScriptedFetcher final : public Fetcher {
 public:
  struct Script {
    std::mutex mutex;
    std::map<std::string, std::deque<Reply>> replies;  ///< guarded by mutex
    std::map<std::string, int> requests;               ///< guarded by mutex
    std::map<std::uint64_t, std::size_t> granted;      ///< guarded by mutex; now, by ticket
    std::map<std::uint64_t, int> cancels;              ///< guarded by mutex, by ticket
    bool held = false;                                 ///< guarded by mutex
    std::string in_memory;  ///< of every body; set before the agent starts
    /// Called first by submit(), on its thread; set before the agent starts. May be empty.
    std::function<void(const FetchRequest&)> on_submit;
  };
  ScriptedFetcher(FetchSink& sink, Script& script) : m_sink(sink), m_script(script) {}
  ~ScriptedFetcher() override {
    for (auto& [ticket, request] : m_waiting)
      end(std::move(request), Error{Errc::cancelled, "stop"});
  }

  void submit(FetchRequest request) override {
    if (m_script.on_submit) m_script.on_submit(request);
    Reply reply;
    {
      std::lock_guard lock(m_script.mutex);
      const std::string key = request.url.display();
      ++m_script.requests[key];
      m_script.granted[request.ticket] = request.connections;
      if (m_script.held) {
        m_waiting.emplace(request.ticket, std::move(request));
        return;
      }
      auto& replies = m_script.replies[key];
      if (replies.empty()) replies.push_back({Error{Errc::not_found, "404"}, ""});
      reply = replies.front();
      if (replies.size() > 1) replies.pop_front();
    }
    if (reply.error && reply.bytes.empty()) return end(std::move(request), *reply.error);
    if (reply.error) return break_off(std::move(request), reply);
    complete(std::move(request), reply.bytes);
  }
  /// What is held back of this URL ends well, on the caller's thread.
  void release(const std::string& url, const std::string& bytes) {
    std::unique_lock lock(m_script.mutex);
    const auto held = std::ranges::find_if(
        m_waiting, [&](const auto& waiting) { return waiting.second.url.display() == url; });
    REQUIRE(held != m_waiting.end());
    FetchRequest request = std::move(m_waiting.extract(held).mapped());
    lock.unlock();
    complete(std::move(request), bytes);
  }
  void cancel(std::uint64_t ticket) override {
    std::unique_lock lock(m_script.mutex);
    ++m_script.cancels[ticket];
    m_script.granted.erase(ticket);
    auto found = m_waiting.extract(ticket);
    lock.unlock();
    if (!found.empty()) end(std::move(found.mapped()), Error{Errc::cancelled, "cancelled"});
  }
  void grant(std::uint64_t ticket, std::size_t connections) override {
    std::lock_guard lock(m_script.mutex);
    m_script.granted[ticket] = connections;
  }
  void set_limits(const FetchLimits&) override {}
  [[nodiscard]] std::uint64_t received_bytes() const override { return 0; }
  [[nodiscard]] Duration longest_turn() const override { return {}; }

 private:
  void break_off(FetchRequest request, const Reply& reply) {
    Fetched fetched{.ticket = request.ticket, .status = *reply.error};
    REQUIRE(request.file->prepare().has_value());
    REQUIRE(request.file->restart().has_value());
    REQUIRE(request.file->append(std::as_bytes(std::span(reply.bytes))).has_value());
    REQUIRE(request.file->sync().has_value());
    fetched.received = request.file->size();
    fetched.resume = ResumePoint{.offset = fetched.received};
    fetched.length = reply.length;
    fetched.http_status = reply.http_status;
    fetched.file = std::move(request.file);
    m_sink.fetched(std::move(fetched));
  }
  void complete(FetchRequest request, const std::string& bytes) {
    Fetched fetched{.ticket = request.ticket};
    REQUIRE(request.file->prepare().has_value());
    REQUIRE(request.file->restart().has_value());
    REQUIRE(request.file->append(std::as_bytes(std::span(bytes))).has_value());
    REQUIRE(request.file->sync().has_value());
    fetched.digest = request.file->digest().value();
    fetched.received = request.file->size();
    fetched.credential_accepted = true;
    fetched.file = std::move(request.file);
    const std::string in_memory = m_script.in_memory;
    fetched.body = std::as_bytes(std::span(in_memory));
    m_sink.fetched(std::move(fetched));
  }
  void end(FetchRequest request, const Error& error) {
    m_sink.fetched(
        Fetched{.ticket = request.ticket, .status = error, .file = std::move(request.file)});
  }
  FetchSink& m_sink;
  Script& m_script;
  std::map<std::uint64_t, FetchRequest> m_waiting;  ///< guarded by m_script.mutex
};

/// The whole agent on a real journal, catalog, staging and store; only the network is scripted.
class House {
 public:
  House() {
    policy = std::make_shared<core::Policy>();
    policy->projects.push_back({.app_id = AppId("*"),
                                .credential = Credential{"u", Secret("p")},
                                .stores = {StoreId("local")}});
    policy->minimum_free_space = ByteCount(0);
    writer = sqlite::open_journal_writer(dir.path("journal.db"),
                                         {.committed =
                                              [this](std::size_t) {
                                                if (core::Agent* a = awake.load()) a->wake();
                                              }})
                 .value();
    store = fs::make_local_store(StoreId("local"), dir.path("archive"),
                                 {.staging_dir = dir.path("staging")});
    staging = fs::make_staging(dir.path("staging"), {}).value();
  }
  ~House() { stop(); }

  std::vector<Store*> stores() {
    std::vector<Store*> all{store.get()};
    for (const auto& other : more_stores) all.push_back(other.get());
    return all;
  }
  void start() {
    agent = std::make_unique<core::Agent>(
        core::AgentPorts{
            .open_journal = [this] { return sqlite::open_journal_reader(dir.path("journal.db")); },
            .open_catalog = [this] { return sqlite::open_catalog(dir.path("catalog.db")); },
            .remove_catalog = [this] { return sqlite::remove_catalog(dir.path("catalog.db")); },
            .journal = agents_journal != nullptr ? agents_journal : writer.get(),
            .provider = provider.get(),
            .staging = staging.get(),
            .stores = stores(),
            .destinations = destinations,
            .clock = &clock,
            .make_fetcher =
                [this](FetchSink& sink) {
                  auto made = std::make_unique<ScriptedFetcher>(sink, script);
                  fetcher = made.get();
                  return made;
                }},
        policy);
    agent->start();
    awake = agent.get();
  }
  void stop() {
    awake = nullptr;
    (void)writer->probe().has_value();  // behind every callback that still knew it
    if (agent) agent->stop();
  }
  void deliver(const std::string& bytes) {
    REQUIRE(writer->append_and_wait({.received_at = clock.now(), .body = bytes}).has_value());
  }
  void command(const Command& wish) {
    REQUIRE(writer
                ->append_and_wait(
                    {.kind = EntryKind::command, .received_at = clock.now(), .body = encode(wish)})
                .has_value());
  }
  void reply(const std::string& url, std::deque<Reply> replies) {
    std::lock_guard lock(script.mutex);
    script.replies[url] = std::move(replies);
  }
  int requests(const std::string& url) {
    std::lock_guard lock(script.mutex);
    return script.requests[url];
  }

  std::vector<Attempt> attempts(const Artifact& artifact) {
    auto reader = sqlite::open_catalog_reader(dir.path("catalog.db")).value();
    return reader->attempts(artifact.row).value();
  }

  /// Waits, woken by changes of the catalog, until the session's view satisfies `holds`.
  template <class Holds>
  SessionView until(Holds holds, const std::string& conf = "c1") {
    auto watch = fs::FolderWatch::open(dir.path(), "catalog.db").value();
    const Patience patience;
    SessionView view;
    while (!patience.ended()) {
      watch.drain();
      if (auto reader = sqlite::open_catalog_reader(dir.path("catalog.db")))
        if (auto found = (*reader)->find(ConfNum(conf), {}); found && !found->empty()) {
          view = found->front();
          if (holds(view)) return view;
        }
      agent->wake();
      pollfd descriptor{.fd = watch.fd(), .events = POLLIN, .revents = 0};
      (void)::poll(&descriptor, 1, 50);
    }
    FAIL(
        "the catalog never came to the expected state; first artifact: ",
        view.artifacts.empty() ? "none" : std::string(to_string(view.artifacts[0].artifact.state)));
    return view;
  }
  /// Waits until `holds`, turning the clock by `step` and waking the agent between looks.
  bool eventually(const std::function<bool()>& holds, Duration step = Duration(0)) {
    const Patience patience;
    while (!holds()) {
      if (patience.ended()) return false;
      clock.turn(step);
      agent->wake();
      (void)::poll(nullptr, 0, 10);
    }
    return true;
  }
  /// `urls` as one recording event of session `conf`, all answered `reply`.
  void offer(const std::vector<std::string>& urls, const Reply& answer,
             const std::string& conf = "c1") {
    std::string list;
    for (const std::string& url : urls) {
      list += (list.empty() ? "\"" : ",\"") + url + "\"";
      reply(url, {answer});
    }
    deliver(body("recording", ",\"recording\":[" + list + "]", conf));
  }
  SessionView until_state(ArtifactState state) {
    return until([&](const SessionView& view) {
      return std::ranges::all_of(view.artifacts,
                                 [&](const ArtifactView& v) {
                                   return v.artifact.state == state && !v.artifact.refetch;
                                 }) &&
             !view.artifacts.empty();
    });
  }

  TempDir dir;
  TurnedClock clock;
  std::shared_ptr<core::Policy> policy;
  ScriptedFetcher::Script script;
  std::unique_ptr<Provider> provider = enablex::make_provider({});
  std::unique_ptr<Store> store;
  std::vector<std::unique_ptr<Store>> more_stores;
  std::unique_ptr<Staging> staging;
  std::vector<Destination*> destinations;
  std::atomic<core::Agent*> awake = nullptr;
  std::atomic<ScriptedFetcher*> fetcher = nullptr;  ///< the agent's, once it runs
  std::unique_ptr<JournalWriter> writer;
  JournalWriter* agents_journal = nullptr;  ///< what the agent is given instead of it
  std::unique_ptr<core::Agent> agent;
};

inline const std::string k_url = "https://portal.enablex.io/p/f.mov";
inline const std::string k_offer = body("recording", ",\"recording\":\"" + k_url + "\"");
inline const std::string k_file = "archive/r1/c1/recording/f.mov";

inline const Artifact& first(const SessionView& view) {
  return view.artifacts.at(0).artifact;
}

}  // namespace reelkeep::testing
