// sessions and deliveries: long lists, never in memory as a whole.
#include <functional>

#include "reelkeep/base/text.hpp"

#include "cli/argument_values.hpp"
#include "cli/commands.hpp"
#include "cli/documents.hpp"
#include "cli/phrases.hpp"
#include "cli/table.hpp"

namespace reelkeep::cli {
namespace {

using Side = Column::Side;

/// Rows that are aligned together; later ones start a table of their own.
constexpr std::size_t k_table_rows = 1000;

/// An array, element by element.
class Stream {
 public:
  explicit Stream(Output& output) : m_output(output) { m_writer.begin_array(); }
  json::Writer& writer() { return m_writer; }
  /// Whether more is wanted.
  bool pass_on() {
    m_output.text(m_writer.take());
    return !m_output.closed();
  }
  void end() {
    m_writer.end_array();
    m_output.line(m_writer.take());
  }

 private:
  Output& m_output;
  json::Writer m_writer;
};

/// Prints full tables on the way.
class Pages {
 public:
  Pages(Output& output, std::vector<Column> columns)
      : m_output(output), m_columns(std::move(columns)), m_table(m_columns) {}
  bool add(std::vector<Cell> row) {
    m_table.add(std::move(row));
    ++m_rows;
    if (m_rows % k_table_rows == 0) flush();
    return !m_output.closed();
  }
  void note(std::string text, Tone tone) { m_table.note(std::move(text), tone); }
  void flush() {
    if (!m_table.empty()) m_table.print(m_output);
    m_table = Table(m_columns);
  }
  [[nodiscard]] std::size_t rows() const { return m_rows; }

 private:
  Output& m_output;
  std::vector<Column> m_columns;
  Table m_table;
  std::size_t m_rows = 0;
};

/// Asks for one row more than is shown, to know whether to say how to go on.
ListFilter with_one_more(ListFilter filter) {
  if (filter.limit > 0) ++filter.limit;
  return filter;
}

std::string words_of(const ListFilter& filter) {
  std::string words;
  if (filter.state) words += " --state " + *filter.state;
  if (filter.app_id) words += " --app-id " + text::printable(filter.app_id->get());
  if (filter.since) words += " --since " + to_rfc3339(*filter.since);
  return words;
}

std::string limit_of(const ListFilter& filter) {
  return filter.limit == k_rows_for_people ? "" : " --limit " + std::to_string(filter.limit);
}

/// In place of an empty table; `never` is what an empty catalog says.
std::string nothing_listed(const std::string& noun, const ListFilter& filter,
                           const std::string& never) {
  if (filter.after)
    return "no " + noun + " below number " + std::to_string(*filter.after) +
           (words_of(filter).empty() ? "" : " matches");
  return "no " + noun + (words_of(filter).empty() ? never : " matches");
}

void say_how_to_go_on(Output& output, const std::string& command, const ListFilter& filter,
                      std::int64_t after) {
  output.line(output.toned("more: reelkeep " + command + words_of(filter) + limit_of(filter) +
                               " --after " + std::to_string(after),
                           Tone::faint));
}

/// When it ended; one that goes on: since when.
std::string when(const Session& session, Timestamp now) {
  if (session.ended_at) return relative(*session.ended_at, now);
  return session.started_at ? "since " + relative(*session.started_at, now) : "";
}

}  // namespace

Status list_sessions(Scene scene, const SessionsArguments& arguments) {
  if (arguments.form == Form::json) {
    Stream stream(scene.output);
    REELKEEP_TRY(scene.state.sessions(arguments.filter, scene.now,
                                      [&](const SessionSummary& summary, std::int64_t after) {
                                        write_summary(stream.writer(), summary, scene.now, after);
                                        return stream.pass_on();
                                      }));
    stream.end();
    return {};
  }
  Pages pages(scene.output, {{"SESSION", Side::left, Column::Narrow::own_line},
                             {"APP", Side::left, Column::Narrow::cut},
                             {"ROOM", Side::left, Column::Narrow::cut},
                             {"STATE"},
                             {"ARCHIVED", Side::right},
                             {"SIZE", Side::right},
                             {"WHEN"},
                             {"DEADLINE"}});
  std::optional<daemon::AgentState> agent;  // asked when there is work left
  std::int64_t last = 0;
  bool more = false;
  REELKEEP_TRY(scene.state.sessions(
      with_one_more(arguments.filter), scene.now,
      [&](const SessionSummary& summary, std::int64_t after) {
        if (static_cast<std::int64_t>(pages.rows()) == arguments.filter.limit) {
          more = true;
          return false;
        }
        last = after;
        const Session& session = summary.session;
        const bool work = summary.state != SessionState::complete;
        const bool go_on =
            pages.add({{text::printable(session.key.conf_num.get())},
                       {text::printable(session.key.app_id.get())},
                       {text::printable(session.room_id.get())},
                       {std::string(to_string(summary.state)), tone_of(summary.state)},
                       {std::to_string(summary.archived) + "/" + std::to_string(summary.artifacts)},
                       {to_string(summary.bytes)},
                       {when(session, scene.now)},
                       {work && summary.deadline ? relative(*summary.deadline, scene.now) : ""}});
        if (summary.state == SessionState::lost || summary.state == SessionState::overdue)
          pages.note(describe(summary, scene.now) + "; see reelkeep why " +
                         text::printable(session.key.conf_num.get()),
                     tone_of(summary.state));
        if (summary.archived < summary.artifacts) {
          if (!agent) agent = scene.state.agent_state();
          const std::string held =
              daemon::project_obstacle(session.key.app_id, scene.state.config(), *agent, scene.now);
          if (!held.empty()) pages.note(held, Tone::bad);
        }
        return go_on;
      }));
  pages.flush();
  if (pages.rows() == 0)
    scene.output.line(nothing_listed("session", arguments.filter, " is known yet"));
  if (more) say_how_to_go_on(scene.output, "sessions", arguments.filter, last);
  return {};
}

namespace {

Status print_raw(Scene scene, const DeliveriesArguments& arguments) {
  REELKEEP_ASSIGN(const Entry entry, scene.state.delivery(*arguments.raw));
  if (!entry.body && arguments.form == Form::people)
    return Error{Errc::not_found, "the body of delivery " + std::to_string(entry.seq.get()) +
                                      " was erased ([journal] keep_bodies); its SHA-256 was " +
                                      entry.digest.hex()};
  std::optional<std::string> body = entry.body;
  if (body && !arguments.unmasked) body = scene.state.masked(*body);
  if (arguments.form == Form::json) {
    json::Writer writer(json::Layout::pretty);
    writer.begin_object()
        .member("seq", entry.seq)
        .member("received_at", entry.received_at)
        .member("remote", entry.remote)
        .member("user", entry.user)
        .member("content_type", entry.content_type)
        .member("sha256", entry.digest)
        .member("body", body)
        .end_object();
    scene.output.line(writer.take());
    return {};
  }
  if (arguments.unmasked && !scene.output.look().terminal) {
    scene.output.text(*body);  // byte for byte
    return {};
  }
  // A terminal is not handed control characters from the network.
  for (const std::string_view line : text::split(*body, '\n'))
    scene.output.line(text::printable(line));
  return {};
}

}  // namespace

Status list_deliveries(Scene scene, const DeliveriesArguments& arguments) {
  if (arguments.raw) return print_raw(scene, arguments);
  if (arguments.form == Form::json) {
    Stream stream(scene.output);
    REELKEEP_TRY(scene.state.deliveries(arguments.filter, [&](const DeliveryRecord& record) {
      write_delivery(stream.writer(), record);
      return stream.pass_on();
    }));
    stream.end();
    return {};
  }
  Pages pages(scene.output, {{"SEQ", Side::right},
                             {"RECEIVED"},
                             {"TYPE", Side::left, Column::Narrow::cut},
                             {"SESSION", Side::left, Column::Narrow::own_line},
                             {"APP", Side::left, Column::Narrow::left_out},
                             {"STATE"},
                             {"AGAIN", Side::right}});
  std::int64_t last = 0;
  bool more = false;
  REELKEEP_TRY(
      scene.state.deliveries(with_one_more(arguments.filter), [&](const DeliveryRecord& record) {
        if (static_cast<std::int64_t>(pages.rows()) == arguments.filter.limit) {
          more = true;
          return false;
        }
        last = record.seq.get();
        const bool go_on =
            pages.add({{std::to_string(record.seq.get())},
                       {relative(record.received_at, scene.now)},
                       {text::printable(record.type)},
                       {text::printable(record.conf_num)},
                       {text::printable(record.app_id)},
                       {std::string(to_string(record.state)), tone_of(record.state)},
                       {record.duplicates > 0 ? std::to_string(record.duplicates) + "x" : ""}});
        if (record.reason) pages.note(text::printable(*record.reason), tone_of(record.state));
        return go_on;
      }));
  pages.flush();
  if (pages.rows() == 0)
    scene.output.line(nothing_listed("delivery", arguments.filter, " has been received yet"));
  if (more) say_how_to_go_on(scene.output, "deliveries", arguments.filter, last);
  return {};
}

}  // namespace reelkeep::cli
