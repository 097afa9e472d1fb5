// The only file that includes CLI11: it is slow to compile.
#include "cli/arguments.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>

#include "reelkeep/base/text.hpp"

#include "cli/argument_values.hpp"
#include "cli/raw_arguments.hpp"

namespace reelkeep::cli {
namespace {

/// Builds the commands over one Raw.
class Grammar {
 public:
  explicit Grammar(Raw& raw) : m_raw(raw) {
    m_app.get_formatter()->column_width(36);
    m_app.name("reelkeep");
    m_app.description(
        "reelkeep archives EnableX recordings: an agent that takes the provider's "
        "webhooks, fetches what they offer and keeps it.");
    m_app.set_version_flag("--version", "reelkeep " REELKEEP_VERSION);
    m_app.require_subcommand(1);
    m_app.footer(
        "Examples:\n"
        "  reelkeep check                       is everything ready?\n"
        "  reelkeep serve                       run the agent\n"
        "  reelkeep sessions --state overdue    what needs attention\n"
        "  reelkeep show CONF_NUM               a session's files and their state\n"
        "  reelkeep why CONF_NUM                what holds it up, and what would help\n"
        "  reelkeep redownload CONF_NUM --failed --wait\n"
        "  reelkeep verify                      is all that is archived still whole?\n"
        "Every command tells more with --help. Exit status: 0 done, 2 usage or configuration, 4 "
        "not found,\n5 not permitted, 6 conflict, 7 unavailable or time over, 8 no space, 9 "
        "corrupt, 70 a defect,\n130 cancelled or interrupted.");
    add_config(m_app);
    add_reading();
    add_orders();
    add_simulate();
  }

  CLI::App& app() { return m_app; }

 private:
  void add_config(CLI::App& command) {
    command
        .add_option("--config", m_raw.config,
                    "configuration file (else $REELKEEP_CONFIG, else /etc/reelkeep/config.toml)")
        ->type_name("FILE");
  }
  CLI::App& add(const std::string& name, const std::string& does, const std::string& examples) {
    CLI::App& command = *m_app.add_subcommand(name, does);
    command.footer("Example:\n" + examples);
    add_config(command);
    return command;
  }
  void add_json(CLI::App& command) {
    command.add_flag("--json", m_raw.json, "one JSON document instead of text for people");
  }
  void add_session(CLI::App& command, bool required) {
    CLI::Option* option =
        command.add_option("CONF_NUM", m_raw.conf_num, "the session's number")->type_name("");
    if (required) option->required();
    command.add_option("--app-id", m_raw.app_id, "of this project only")->type_name("APP_ID");
  }
  void add_artifacts(CLI::App& command) {
    command
        .add_option("--artifact", m_raw.artifacts,
                    "only this one: an id or the beginning of it (may be repeated)")
        ->type_name("ID")
        ->allow_extra_args(false);
  }
  void add_kinds(CLI::App& command) {
    command
        .add_option("--kind", m_raw.kinds,
                    "only artifacts of this kind (may be repeated): recording, transcoded, "
                    "live_recording, chatdata, metadata, transcription, cdr, delivered")
        ->type_name("KIND")
        ->allow_extra_args(false);
  }
  void add_listing(CLI::App& command, const std::string& states, const std::string& after) {
    command.add_option("--state", m_raw.state, "only in this state: " + states)->type_name("STATE");
    command.add_option("--app-id", m_raw.app_id, "of this project only")->type_name("APP_ID");
    command
        .add_option("--since", m_raw.since, "not older: a time (2026-01-04T10:00Z) or an age (24h)")
        ->type_name("TIME");
    command.add_option("--limit", m_raw.limit, "at most so many (people get 50, --json all)")
        ->type_name("N");
    command.add_option("--after", m_raw.after, after)->type_name("N");
    add_json(command);
  }

  void add_reading() {
    add("serve", "run the agent: take webhooks, fetch, archive",
        "  reelkeep serve --config /etc/reelkeep/config.toml");
    CLI::App& check =
        add("check", "look whether configuration and machine are ready; all that is wrong at once",
            "  reelkeep check\n  reelkeep check --online --json");
    check.add_flag("--online", m_raw.online,
                   "also try the projects' credentials and the REST API, and compare the clock");
    add_json(check);
    add_listing(add("sessions", "list sessions, newest first",
                    "  reelkeep sessions --state lost --since 7d"),
                "lost, overdue, waiting, open, complete", "go on below this number");
    CLI::App& show = add("show", "show a session and its artifacts",
                         "  reelkeep show CONF_NUM\n"
                         "  reelkeep show CONF_NUM --json | jq -r '.artifacts[].sha256'\n"
                         "  reelkeep show --artifact 3fa9c1");
    add_session(show, false);
    add_artifacts(show);
    add_json(show);
    CLI::App& why = add("why",
                        "tell why a session is not complete: events seen, tries and their causes, "
                        "what is next, what holds it up",
                        "  reelkeep why CONF_NUM\n"
                        "  reelkeep why CONF_NUM --json | jq '.artifacts[].obstacles'");
    add_session(why, true);
    add_json(why);
    CLI::App& queue = add("queue",
                          "list what must still be fetched, earliest deadline first, and what will "
                          "come too late",
                          "  reelkeep queue\n  reelkeep queue --json | jq .forecast.missed");
    queue.add_option("--limit", m_raw.limit, "at most so many (people get 50, --json all)")
        ->type_name("N");
    queue.add_option("--after", m_raw.after_artifact, "go on behind this artifact")
        ->type_name("ID");
    add_json(queue);
    CLI::App& paths = add("paths", "print where a session's verified files are, one per line",
                          "  reelkeep paths CONF_NUM --kind recording");
    add_session(paths, true);
    add_kinds(paths);
    add_json(paths);
    CLI::App& url = add("url", "print URLs that anybody may read a session's files in S3 at",
                        "  reelkeep url CONF_NUM --expires 24h\n"
                        "  curl -o film.mp4 \"$(reelkeep url --artifact 3fa9c1)\"");
    add_session(url, false);
    add_artifacts(url);
    add_kinds(url);
    url.add_option("--expires", m_raw.expires,
                   "how long they are good for (default 1h, at most 7d)")
        ->type_name("DURATION");
    add_json(url);
    CLI::App& verify = add("verify", "read replicas back and compare them with their SHA-256",
                           "  reelkeep verify                      all of the archive\n"
                           "  reelkeep verify CONF_NUM --store s3\n"
                           "  reelkeep verify --quick              presence and size only");
    add_session(verify, false);
    add_artifacts(verify);
    verify.add_option("--store", m_raw.store, "only what lies in this store")->type_name("ID");
    verify.add_flag("--quick", m_raw.quick, "presence and size only: no byte is read");
    add_json(verify);
    CLI::App& deliveries =
        add("deliveries", "list what the webhook received, newest first",
            "  reelkeep deliveries --state quarantined\n  reelkeep deliveries --raw 17");
    add_listing(deliveries, "pending, applied, ignored, quarantined", "go on below this number");
    deliveries.add_option("--raw", m_raw.raw_seq, "print the body of this one, secrets masked")
        ->type_name("SEQ");
    deliveries.add_flag("--unmasked", m_raw.unmasked,
                        "with --raw: byte for byte, with its secrets");
  }

  void add_orders() {
    CLI::App& again = add("redownload", "fetch artifacts of a session again",
                          "  reelkeep redownload CONF_NUM --failed --wait\n"
                          "  reelkeep redownload CONF_NUM --kind recording --dry-run\n"
                          "  reelkeep redownload --artifact 3fa9c1 --wait");
    add_session(again, false);
    add_artifacts(again);
    add_kinds(again);
    again.add_flag(
        "--failed", m_raw.failed,
        "only what has failed, expired or lacks a good replica (local files: looked at)");
    again.add_flag("--dry-run", m_raw.dry_run, "only say what would be fetched");
    again.add_flag("--replace", m_raw.replace, "remove the old replica when other bytes come");
    again
        .add_option("--wait", m_raw.wait,
                    "follow to the end, at most for the duration (--wait=30m)")
        ->type_name("[=DURATION]");
    again.add_flag("--now", m_raw.now, "no agent runs: do the work in this process");
    add_json(again);

    CLI::App& compare =
        add("reconcile", "ask the provider's archive for what no event told of, and fetch it",
            "  reelkeep reconcile --dry-run\n"
            "  reelkeep reconcile --from 2026-01-01 --to 2026-01-31 --room ROOM_ID");
    compare.add_option("--from", m_raw.from, "first day, UTC (default: [reconcile] look_back)")
        ->type_name("YYYY-MM-DD");
    compare.add_option("--to", m_raw.to, "last day, UTC (default today)")->type_name("YYYY-MM-DD");
    compare.add_option("--room", m_raw.room, "only of this room")->type_name("ROOM_ID");
    compare.add_option("--conf", m_raw.conf_num, "only this session")->type_name("CONF_NUM");
    compare.add_option("--app-id", m_raw.app_id, "of this project only")->type_name("APP_ID");
    compare.add_flag("--dry-run", m_raw.dry_run, "only say what would be fetched");
    add_json(compare);

    CLI::App& replay =
        add("replay", "apply journaled deliveries once more", "  reelkeep replay 17 18");
    replay.add_option("SEQ", m_raw.entries, "numbers that `reelkeep deliveries` shows")
        ->type_name("")
        ->required();
    add_json(replay);

    CLI::App& cancel = add("cancel", "give artifacts up: they are never fetched again",
                           "  reelkeep cancel CONF_NUM --reason 'test call'\n"
                           "  reelkeep cancel --artifact 3fa9c1 --reason 'withdrawn by the host'");
    add_session(cancel, false);
    add_artifacts(cancel);
    cancel.add_option("--reason", m_raw.reason, "why, for those who ask later")->type_name("TEXT");
    add_json(cancel);

    CLI::App& accept = add("accept", "archive quarantined bytes as they are",
                           "  reelkeep accept --artifact 3fa9c1d20b7e");
    accept.add_option("--artifact", m_raw.artifacts, "an id or the beginning of it")
        ->type_name("ID")
        ->allow_extra_args(false)
        ->required();
    add_json(accept);
  }

  void add_simulate() {
    SimulateArguments& it = m_raw.simulate;
    daemon::DrillOptions& drill = it.drill;
    CLI::App& command = add("simulate", "be a stand-in provider with synthetic recordings",
                            "  reelkeep simulate --print-config\n"
                            "  reelkeep simulate --post http://127.0.0.1:8080/webhook --size 10MiB "
                            "--fail 403:2@recording");
    const auto text = [&](const char* name, std::string& into, const char* does, const char* type) {
      command.add_option(name, into, does)->type_name(type);
    };
    text("--listen", drill.listen, "address to serve files on (default 127.0.0.1:8090)", "ADDRESS");
    text("--tls-certificate", drill.tls_certificate, "serve HTTPS", "FILE");
    text("--tls-key", drill.tls_key, "", "FILE");
    text("--ca-file", drill.ca_file, "to check the webhook's certificate with", "FILE");
    text("--app-key", drill.app_key, "password of the REST API (default simulated)", "TEXT");
    text("--side-size", drill.side_size, "of chat, metadata and transcription (default 4KiB)",
         "SIZE");
    text("--public-url", drill.public_url, "what file URLs begin with, behind a proxy", "URL");
    text("--post", drill.post, "post the events of its sessions to this webhook", "URL");
    text("--username", drill.username, "pair for file downloads (default files@example.com)",
         "NAME");
    text("--password", drill.password, "(default simulated)", "TEXT");
    text("--password-file", drill.password_file, "", "FILE");
    text("--webhook-username", drill.webhook_username, "pair for the webhook", "NAME");
    text("--webhook-password", drill.webhook_password, "", "TEXT");
    text("--webhook-password-file", drill.webhook_password_file, "", "FILE");
    text("--app-id", drill.app_id, "(default simulated-app)", "APP_ID");
    text("--room-id", drill.room_id, "", "ROOM_ID");
    text("--seed", drill.seed, "the same seed gives the same sessions and bytes", "TEXT");
    text("--size", drill.size, "of media files (default 1MiB)", "SIZE");
    text("--delay", drill.delay, "between two events", "DURATION");
    text("--kinds", drill.kinds, "comma-separated, or all", "KINDS");
    command.add_option("--sessions", drill.sessions, "(default 1)")->type_name("N");
    command.add_option("--recordings", drill.recordings, "per session (default 2)")->type_name("N");
    command.add_option("--stages", drill.stages, "transcoded files per session (default 1)")
        ->type_name("N");
    command
        .add_option("--fail", drill.failures,
                    "FAILURE[@TARGET], may be repeated: 403, 404:2, 503:5:30, truncate:0.5, stall, "
                    "short, html, json, empty, gzip, redirect, changed, no-ranges, no-validator, "
                    "weak-etag, wrong-size; @25%, @recording, @part-of-a-name")
        ->type_name("SPEC")
        ->allow_extra_args(false);
    command.add_option("--empty-cdrs", drill.empty_cdrs, "a CDR has no rows in so many answers")
        ->type_name("N");
    command.add_option("--api-result", drill.api_result, "the REST API refuses with this result")
        ->type_name("N");
    command.add_flag("--sparse-api", drill.sparse_api,
                     "entries of the archive API lack what they may lack");
    text("--ended-ago", drill.ended_ago, "age of the newest session (default 0s)", "DURATION");
    command.add_option("--duplicates", drill.duplicates, "share of the events that come twice")
        ->type_name("0..1");
    command.add_flag("--shuffle", drill.shuffle, "post the events out of order");
    command.add_flag("--once", it.once, "end when every event was accepted, without serving on");
    command.add_flag("--print-config", it.print_config,
                     "print configuration for an agent that is to fetch from it, and end");
    command.add_flag("--print-expected", it.print_expected,
                     "print the files with their digests as JSON, and end");
  }

  Raw& m_raw;
  CLI::App m_app;
};

std::vector<std::string> command_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; }))
    names.push_back(command->get_name());
  return names;
}

/// The first word that looks like an option and is none of `command`, with the nearest one where it
/// may be meant for that.
std::optional<Error> unknown_option(const CLI::App& command, const std::vector<std::string>& words,
                                    const std::string& more) {
  std::vector<std::string> known{"--help"};
  for (const CLI::Option* option : command.get_options())
    for (const std::string& one : option->get_lnames()) known.push_back("--" + one);
  for (const std::string& word : words) {
    const std::string option = word.substr(0, word.find('='));
    if (option.size() < 2 || option.front() != '-' ||
        std::find(known.begin(), known.end(), option) != known.end() || option == "-h")
      continue;
    const auto near = text::nearest(option, known);
    return Error{Errc::invalid,
                 "unknown option " + option + (near ? "; did you mean " + *near + "?" : more)};
  }
  return std::nullopt;
}

Error usage_error(const CLI::App& app, const CLI::ParseError& error,
                  const std::vector<std::string>& words) {
  const auto chosen = app.get_subcommands();
  const CLI::App& command = chosen.empty() ? app : *chosen.front();
  const std::string name = chosen.empty() ? "" : command.get_name() + " ";
  const std::string more = "; see reelkeep " + name + "--help";
  if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::ExtrasError)) {
    if (std::optional<Error> unknown = unknown_option(command, words, more))
      return std::move(*unknown);
    const std::vector<std::string> extra = app.remaining(true);
    return Error{Errc::invalid,
                 "unexpected argument " + (extra.empty() ? "" : extra.front()) + more};
  }
  std::string message = error.what();
  // Only numbers are converted: "Could not convert: --limit = x".
  constexpr std::string_view k_unconverted = "Could not convert: ";
  if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::ConversionError) &&
      message.starts_with(k_unconverted)) {
    message.erase(0, k_unconverted.size());
    if (const auto equals = message.find(" = "); equals != std::string::npos)
      message.replace(equals, 3, " ");
    return Error{Errc::invalid, message + ": has to be a number" + more};
  }
  for (char& c : message)
    if (c == '\n') c = ' ';
  const auto is_capital = [](char c) { return c >= 'A' && c <= 'Z'; };
  if (message.size() > 1 && is_capital(message[0]) && !is_capital(message[1]))
    message.front() = static_cast<char>(message.front() - 'A' + 'a');
  return Error{Errc::invalid, message + more};
}

}  // namespace

Result<std::variant<Arguments, Answer>> parse_arguments(std::vector<std::string> words,
                                                        Timestamp now) {
  using Parsed = std::variant<Arguments, Answer>;
  Raw raw;
  Grammar grammar(raw);
  CLI::App& app = grammar.app();
  words = prepared(std::move(words));
  const bool asks = std::any_of(words.begin(), words.end(), [](const std::string& word) {
    return word == "--help" || word == "-h" || word == "--version";
  });
  if (!command_word(words) && !asks) {
    const std::string all = "; all of them: reelkeep --help";
    if (std::optional<Error> unknown = unknown_option(app, words, all)) return std::move(*unknown);
    return Error{Errc::invalid, "which command? for example: reelkeep sessions" + all};
  }
  const std::vector<std::string> commands = command_names(app);
  if (const auto first = command_word(words);
      first && std::find(commands.begin(), commands.end(), *first) == commands.end()) {
    const auto near = text::nearest(*first, commands);
    return Error{Errc::invalid,
                 "unknown command " + *first +
                     (near ? "; did you mean " + *near + "?" : "; all of them: reelkeep --help")};
  }
  try {
    std::vector<std::string> reversed(words.rbegin(), words.rend());
    app.parse(std::move(reversed));
  } catch (const CLI::CallForHelp&) {
    return Parsed(Answer{app.help()});
  } catch (const CLI::CallForAllHelp&) {
    return Parsed(Answer{app.help("", CLI::AppFormatMode::All)});
  } catch (const CLI::CallForVersion& version) {
    return Parsed(Answer{std::string(version.what()) + "\n"});
  } catch (const CLI::ParseError& error) {
    return usage_error(app, error, words);
  }
  const CLI::App& chosen = *app.get_subcommands().front();
  for (const CLI::Option* option : chosen.get_options())
    if (option->count() > 0) raw.given.insert(option->get_name());
  REELKEEP_ASSIGN(CommandArguments command, command_of(chosen.get_name(), raw, now));
  return Parsed(
      Arguments{raw.config.empty() ? std::nullopt : std::optional(raw.config), std::move(command)});
}

}  // namespace reelkeep::cli
