#include <algorithm>
#include <doctest/doctest.h>
#include <fstream>
#include <iterator>

#include "daemon/config_load.hpp"

namespace reelkeep::daemon {
namespace {

std::string example() {
  std::ifstream in(REELKEEP_SOURCE_DIR "/config.example.toml", std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}
}  // namespace

TEST_CASE("the example configuration works as it is: no problem, and hints at what to fill in") {
  const ConfigResult result = read_config(example(), "config.example.toml", Environment{});
  for (const Problem& problem : result.problems) MESSAGE(problem.text());
  REQUIRE(result.config.has_value());
  REQUIRE(result.warnings.size() == 2);
  CHECK(result.warnings[0].message.starts_with(
      "the webhook password of \"enablex\" is \"change-me\""));
  CHECK(result.warnings[1].message == "the password in [[project]] \"*\" is \"change-me\"");
  const Config& config = *result.config;
  CHECK(config.stores == embedded_defaults(Environment{}).stores);
  CHECK(config.agent == embedded_defaults(Environment{}).agent);
  CHECK(config.download == embedded_defaults(Environment{}).download);
  CHECK(config.journal == embedded_defaults(Environment{}).journal);
  CHECK(config.archive == embedded_defaults(Environment{}).archive);
  CHECK(config.webhook.listen.is_loopback());
}

TEST_CASE("the example configuration documents every key under its own table") {
  const std::string text = example();
  for (const std::string& known : known_config_keys()) {
    CAPTURE(known);
    const std::size_t space = known.find(' ');
    const std::string block = known.substr(0, space);
    // "[webhook]" or "# [[webhook.user]]" at the start of a line opens the table's part.
    const std::string key = known.substr(space + 1) + " = ";
    bool documented = false;
    std::size_t parts = 0;
    for (const std::string& head : {"\n" + block + "\n", "\n#" + block + "\n"})
      for (std::size_t from = text.find(head); from != std::string::npos;
           from = text.find(head, from + 1), ++parts) {
        std::size_t to = text.find("\n[", from + 1);
        to = std::min(to, text.find("\n#[", from + 1));
        const std::string part = text.substr(from, to == std::string::npos ? to : to - from);
        documented = documented || part.find("\n" + key) != std::string::npos ||
                     part.find("\n#" + key) != std::string::npos;
      }
    REQUIRE(parts > 0);
    CHECK(documented);
  }
}

TEST_CASE("what the example has commented out is a valid configuration too") {
  // Lines that begin with '#' and no space are settings; explanations begin with "# ".
  std::string text = example();
  std::string all;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    std::string line = text.substr(at, end - at);
    at = end + 1;
    const bool setting = line.size() > 1 && line[0] == '#' && line[1] != ' ';
    if (setting) line.erase(0, 1);
    // Either a secret or its file, and files that an example cannot bring along.
    const bool names_file = line.find("_file = ") != std::string::npos ||
                            line.starts_with("tls_certificate") || line.starts_with("tls_key");
    if (!names_file) all += line + "\n";
  }
  const ConfigResult result = read_config(all, "config.example.toml", Environment{});
  for (const Problem& problem : result.problems) MESSAGE(problem.text());
  CHECK(result.problems.empty());
}
}  // namespace reelkeep::daemon
