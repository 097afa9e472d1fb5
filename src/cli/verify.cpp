// verify: replicas are read back and compared.
#include <chrono>
#include <unistd.h>

#include "reelkeep/base/text.hpp"

#include "cli/commands.hpp"
#include "cli/phrases.hpp"
#include "cli/table.hpp"
#include "json/writer.hpp"

namespace reelkeep::cli {
namespace {

using daemon::Verified;
using daemon::VerifyFinding;

constexpr std::size_t k_bar = 20;
/// A table has to be measured before it is printed; more rows than this are printed in parts.
constexpr std::size_t k_rows = 200;

/// One line on standard error that is drawn over and over; nothing where that is no terminal.
class Bar {
 public:
  Bar() : m_look(Output::look_of_process(STDERR_FILENO)) {}
  ~Bar() { erase(); }
  Bar(const Bar&) = delete;
  Bar& operator=(const Bar&) = delete;

  void show(const Verified& sum) {
    const auto now = std::chrono::steady_clock::now();
    if (!m_look.terminal || (m_drawn && now - m_drawn_at < std::chrono::milliseconds(250))) return;
    m_drawn_at = now;
    m_drawn = true;
    const double part = sum.total.bytes.get() == 0
                            ? 1.0
                            : std::min(1.0, static_cast<double>(sum.bytes.get()) /
                                                static_cast<double>(sum.total.bytes.get()));
    const auto full = static_cast<std::size_t>(part * static_cast<double>(k_bar));
    const std::string line =
        cut("[" + std::string(full, '=') + std::string(k_bar - full, ' ') + "] " +
                std::to_string(sum.done()) + " of " + std::to_string(sum.total.replicas) + ", " +
                to_string(sum.bytes) + " read, " + std::to_string(sum.wrong) + " wrong",
            m_look.width == 0 ? 79 : m_look.width - 1);
    write("\r\033[K" + line);
  }
  void erase() {
    if (std::exchange(m_drawn, false)) write("\r\033[K");
  }

 private:
  static void write(const std::string& text) {
    // Drawn for the eye only: a lost piece is drawn anew.
    (void)!::write(STDERR_FILENO, text.data(), text.size());
  }
  const Output::Look m_look;
  bool m_drawn = false;
  std::chrono::steady_clock::time_point m_drawn_at;
};

Table make_table() {
  return Table({{.title = "ARTIFACT"},
                {.title = "STATE"},
                {.title = "STORE"},
                {.title = "LOCATION", .narrow = Column::Narrow::cut}});
}

void add_row(Table& table, const VerifyFinding& finding) {
  table.add({{finding.artifact.id.get()},
             {std::string(to_string(finding.state)), Tone::bad},
             {text::printable(finding.replica.store ? finding.replica.store->get() : "")},
             {text::printable(finding.replica.location)}});
  table.note(text::printable(finding.cause), Tone::faint);
}

void write_finding(json::Writer& writer, const VerifyFinding& finding) {
  const SessionKey& session = finding.artifact.identity.session;
  writer.begin_object()
      .member("artifact", finding.artifact.id)
      .member("app_id", session.app_id)
      .member("conf_num", session.conf_num)
      .member("store", finding.replica.store)
      .member("location", finding.replica.location)
      .member("state", to_string(finding.state))
      .member("cause", finding.cause)
      .member("read_at", finding.replica.read_at)
      .member("verified_at", finding.replica.verified_at)
      .end_object();
}

Status verdict(Scene scene, const Verified& sum) {
  if (sum.wrong > 0 && sum.given_up == sum.wrong)
    return Error{Errc::corrupt, std::to_string(sum.wrong) + " of " + std::to_string(sum.done()) +
                                    " replicas are not what they were; they are cancelled, so "
                                    "that nothing repairs them"};
  if (sum.wrong > 0) {
    const auto agent = scene.state.agent();
    const bool runs = agent && *agent;
    return Error{Errc::corrupt,
                 std::to_string(sum.wrong) + " of " + std::to_string(sum.done()) +
                     " replicas are not what they were; " +
                     (runs ? "the agent repairs them"
                           : "no agent runs; once it is started (systemctl start reelkeep) it "
                             "repairs them") +
                     " from another store, or fetches them again while they are offered" +
                     (sum.given_up > 0
                          ? ", except the " + std::to_string(sum.given_up) + " that are cancelled"
                          : "")};
  }
  if (sum.unread == 0) return {};
  std::string causes;
  for (const auto& [store, error] : sum.away)
    causes += (causes.empty() ? "" : "; ") +
              text::printable(error.within("store \"" + store.get() + "\"").message);
  return Error{Errc::unavailable,
               std::to_string(sum.unread) + " replicas could not be read: " + causes};
}

Result<ReplicaFilter> filter_of(Scene scene, const VerifyArguments& arguments) {
  ReplicaFilter filter{.store = arguments.store};
  if (arguments.conf_num) {
    REELKEEP_ASSIGN(const SessionView view,
                    scene.state.find(*arguments.conf_num, arguments.app_id));
    filter.session = view.session.row;
  }
  if (arguments.artifact) {
    REELKEEP_ASSIGN(const SessionView view, scene.state.find_artifact(*arguments.artifact));
    filter.artifact = view.artifacts.at(0).artifact.row;
  }
  return filter;
}

}  // namespace

Status verify(Scene scene, const VerifyArguments& arguments) {
  REELKEEP_ASSIGN(const ReplicaFilter filter, filter_of(scene, arguments));
  const bool people = arguments.form == Form::people;
  Bar bar;
  json::Writer writer(json::Layout::pretty);
  writer.begin_object().key("wrong").begin_array();
  Table table = make_table();
  std::size_t rows = 0;
  const auto finding = [&](const VerifyFinding& one) {
    if (!people) return write_finding(writer, one);
    add_row(table, one);
    if (++rows % k_rows != 0) return;
    bar.erase();
    table.print(scene.output);
    table = make_table();
  };
  REELKEEP_ASSIGN(const Verified sum,
                  scene.state.verify(filter, arguments.depth, finding,
                                     [&](const Verified& so_far) { bar.show(so_far); }));
  bar.erase();
  if (!people) {
    writer.end_array()
        .member("checked", sum.good + sum.wrong)
        .member("good", sum.good)
        .member("bytes", sum.bytes)
        .member("unread", sum.unread)
        .key("unavailable")
        .begin_array();
    for (const auto& [store, error] : sum.away)
      writer.begin_object().member("store", store).member("message", error.message).end_object();
    writer.end_array().end_object();
    scene.output.line(writer.take());
    return verdict(scene, sum);
  }
  if (!table.empty()) table.print(scene.output);
  const std::string what = arguments.depth == Depth::full
                               ? "read back, " + to_string(sum.bytes) + " in all"
                               : "looked at (presence and size)";
  scene.output.line(
      std::to_string(sum.good + sum.wrong) + " replicas " + what + ": " + std::to_string(sum.good) +
      " good, " + std::to_string(sum.wrong) + " wrong" +
      (sum.unread > 0 ? ", " + std::to_string(sum.unread) + " could not be read" : ""));
  return verdict(scene, sum);
}

}  // namespace reelkeep::cli
