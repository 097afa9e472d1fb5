#include "daemon/check.hpp"

#include "reelkeep/base/text.hpp"

#include "cli/commands.hpp"
#include "daemon/config_load.hpp"
#include "json/json.hpp"

namespace reelkeep::cli {
namespace {

using daemon::ConfigResult;
using daemon::Finding;
using daemon::Problem;
using Severity = Finding::Severity;

void write_problem(json::Writer& writer, const Problem& problem, Severity severity) {
  writer.begin_object()
      .member("severity", to_string(severity))
      .member("code", severity == Severity::error
                          ? std::optional(std::string(to_string(problem.code)))
                          : std::nullopt)
      .member("what", problem.message)
      .member("way_out", problem.hint)
      .member("file", problem.file)
      .member("line", problem.line)
      .member("column", problem.column)
      .end_object();
}

void write_finding(json::Writer& writer, const Finding& finding) {
  writer.begin_object()
      .member("severity", to_string(finding.severity))
      .member("code", finding.severity == Severity::error
                          ? std::optional(std::string(to_string(finding.code)))
                          : std::nullopt)
      .member("what", finding.what)
      .member("way_out", finding.way_out)
      .end_object();
}

void print_line(Output& output, Severity severity, const std::string& text) {
  const Tone tone = severity == Severity::ok        ? Tone::good
                    : severity == Severity::warning ? Tone::busy
                                                    : Tone::bad;
  const std::string word(to_string(severity));
  const std::string gap(word.size() < 8 ? 8 - word.size() : 1, ' ');
  output.line(output.toned(word, tone) + gap + text::printable(text));
}

void print(Output& output, Form form, const std::string& path, const ConfigResult& loaded,
           const std::vector<Finding>& findings, bool ok) {
  if (form == Form::json) {
    json::Writer writer(json::Layout::pretty);
    writer.begin_object().member("config", path).member("ok", ok).key("findings").begin_array();
    for (const Problem& one : loaded.problems) write_problem(writer, one, Severity::error);
    for (const Problem& one : loaded.warnings) write_problem(writer, one, Severity::warning);
    for (const Finding& one : findings) write_finding(writer, one);
    writer.end_array().end_object();
    output.line(writer.take());
    return;
  }
  for (const Problem& one : loaded.warnings) print_line(output, Severity::warning, one.text());
  if (loaded.config) print_line(output, Severity::ok, "configuration " + path);
  for (const Finding& one : findings)
    print_line(output, one.severity, one.what + (one.way_out.empty() ? "" : "; " + one.way_out));
}

}  // namespace

Status check(const std::string& config_path, Output& output, const CheckArguments& arguments) {
  const ConfigResult loaded = daemon::load_config(config_path, daemon::Environment::of_process());
  std::vector<Finding> findings;
  if (loaded.config) {
    REELKEEP_ASSIGN(auto nobody, daemon::act_as_service(*loaded.config));
    if (nobody) findings.push_back(*std::move(nobody));
    for (Finding& one : daemon::check_environment(*loaded.config))
      findings.push_back(std::move(one));
    if (arguments.online)
      for (Finding& one : daemon::check_online(*loaded.config)) findings.push_back(std::move(one));
  } else if (loaded.remainder) {
    // All that is wrong at once: with the file, and with what the rest of it needs of the machine.
    REELKEEP_TRY(daemon::act_as_service(loaded.remainder->config));
    findings = daemon::check_environment(*loaded.remainder);
  }
  Status machine = daemon::verdict(findings);
  print(output, arguments.form, config_path, loaded, findings, loaded.config && machine);
  if (!loaded.config) return loaded.error();
  return machine;
}

}  // namespace reelkeep::cli
