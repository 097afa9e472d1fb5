#include "simulate/events.hpp"

#include <algorithm>
#include <cmath>
#include <random>

#include "reelkeep/base/text.hpp"

#include "crypto/sha256.hpp"
#include "json/json.hpp"

namespace reelkeep::simulate {
namespace {

constexpr std::string_view k_bucket = "simulated-bucket";
/// A file that is known from the file_transfer only.
constexpr std::string_view k_pushed_only = "highlights.mp4";

std::string encoded_path(std::string_view path) {
  return text::percent_encode(path, "/");
}

/// Numbers from the seed: the standard's engines give the same ones everywhere, its distributions
/// do not.
class Dice {
 public:
  explicit Dice(const std::string& seed) {
    std::uint64_t number = 0;
    const Digest digest = sha256(seed + "/events");
    for (std::size_t at = 0; at < 8; ++at)
      number = number << 8U | std::to_integer<std::uint64_t>(digest.bytes[at]);
    m_engine.seed(number);
  }
  std::size_t below(std::size_t limit) { return static_cast<std::size_t>(m_engine() % limit); }

 private:
  std::mt19937_64 m_engine;
};

class SessionEvents {
 public:
  SessionEvents(const Plan& plan, const SimulatedSession& session, std::string_view base_url,
                std::vector<SimulatedEvent>& out)
      : m_plan(plan), m_session(session), m_base_url(base_url), m_out(out) {}

  void write() {
    write_boundary("session_start", m_session.started_at, 1);
    write_boundary("session_stop", m_session.ended_at, 0);
    write_recordings();
    for (const SimulatedFile& file : m_session.files)
      if (file.kind != ArtifactKind::recording) write_file(file);
    if (m_plan.offers(ArtifactKind::cdr)) finish(begin("roomdrop", m_session.ended_at));
    if (m_plan.offers(ArtifactKind::delivered)) write_push();
  }

 private:
  json::Writer& begin(std::string_view type, Timestamp at) {
    m_type = type;
    const auto seconds = std::chrono::floor<std::chrono::seconds>(at).time_since_epoch().count();
    m_writer.begin_object()
        .member("type", type)
        .member("trans_date", seconds)
        .member("app_id", m_plan.options().app_id)
        .member("room_id", m_plan.room_id())
        .member("conf_num", m_session.conf_num);
    return m_writer;
  }

  void finish(json::Writer& writer) {
    m_out.push_back({m_type, m_session.conf_num, writer.end_object().take()});
    m_writer = json::Writer();
  }

  void write_boundary(std::string_view type, Timestamp at, int running) {
    begin(type, at).key("concurrent_sessions").begin_object();
    m_writer.key("license_sessions").begin_object().member("license-1", running > 0).end_object();
    m_writer.member("total_sessions", running).member("max_sessions", 10).end_object();
    finish(m_writer);
  }

  void write_recordings() {
    if (!m_plan.offers(ArtifactKind::recording)) return;
    begin("recording", m_session.ended_at).key("recording").begin_array();
    for (const SimulatedFile& file : m_session.files)
      if (file.kind == ArtifactKind::recording) m_writer.value(file_url(m_base_url, file));
    m_writer.end_array();
    finish(m_writer);
  }

  void write_file(const SimulatedFile& file) {
    begin(to_string(file.kind), m_session.ended_at);
    const bool transcoded = file.kind == ArtifactKind::transcoded;
    m_writer.member(transcoded ? "recording" : "url", file_url(m_base_url, file));
    if (transcoded) m_writer.member("stage", file.stage);
    if (transcoded || file.kind == ArtifactKind::live_recording)
      m_writer.member("file_size", std::to_string(file.declared_size().get()));
    finish(m_writer);
  }

  void write_push() {
    begin("file_transfer", m_session.ended_at).key("destination").begin_object();
    m_writer.member("name", "awss3").member("host", "").member("account", k_bucket).end_object();
    m_writer.key("files").begin_array();
    for (const SimulatedFile& file : m_session.files) write_pushed(file.name);
    write_pushed(k_pushed_only);
    m_writer.end_array();
    finish(m_writer);
  }

  void write_pushed(std::string_view name) {
    const std::string path =
        "/" + m_plan.room_id() + "/" + m_session.conf_num.get() + "/" + std::string(name);
    m_writer.begin_object()
        .member("url",
                "https://" + std::string(k_bucket) + ".s3.amazonaws.com" + encoded_path(path))
        .end_object();
  }

  const Plan& m_plan;
  const SimulatedSession& m_session;
  const std::string_view m_base_url;
  std::vector<SimulatedEvent>& m_out;
  std::string m_type;
  json::Writer m_writer;
};

}  // namespace

std::string file_url(std::string_view base_url, const SimulatedFile& file) {
  return std::string(base_url) + encoded_path(file.path);
}

std::vector<SimulatedEvent> make_events(const Plan& plan, std::string_view base_url) {
  std::vector<SimulatedEvent> events;
  for (const SimulatedSession& session : plan.sessions())
    SessionEvents(plan, session, base_url, events).write();
  Dice dice(plan.options().seed);
  if (plan.options().order == EventOrder::shuffled)
    for (std::size_t left = events.size(); left > 1; --left)
      std::swap(events[left - 1], events[dice.below(left)]);
  const auto twice = static_cast<std::size_t>(
      std::lround(static_cast<double>(events.size()) * plan.options().duplicates));
  for (std::size_t number = 0; number < twice; ++number) {
    const std::size_t original = dice.below(events.size());
    const std::size_t place = original + 1 + dice.below(events.size() - original);
    SimulatedEvent copy = events[original];
    events.insert(events.begin() + static_cast<std::ptrdiff_t>(place), std::move(copy));
  }
  return events;
}

}  // namespace reelkeep::simulate
