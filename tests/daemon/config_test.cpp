#include <algorithm>
#include <doctest/doctest.h>
#include <fstream>
#include <iterator>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/config_load.hpp"
#include "support/temp_dir.hpp"

namespace reelkeep::daemon {
namespace {

std::string example() {
  std::ifstream in(REELKEEP_SOURCE_DIR "/config.example.toml", std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

Config read_good(const std::string& toml, const std::string& path = "/etc/reelkeep/config.toml",
                 const Environment& environment = {}) {
  ConfigResult result = read_config(toml, path, environment);
  for (const Problem& problem : result.problems) MESSAGE(problem.text());
  REQUIRE(result.config.has_value());
  return *std::move(result.config);
}

constexpr const char* k_project = "[[project]]\nhosts = [\"files.example.com\"]\n";

}  // namespace

TEST_CASE("an empty configuration means the defaults that the documentation shows") {
  const Config config = embedded_defaults(Environment{});
  CHECK(config.agent.state_dir == "/var/lib/reelkeep");
  CHECK(config.agent.log_level == log::Level::info);
  CHECK(config.agent.log_format == log::Format::text);
  CHECK(config.agent.warn_before == std::chrono::hours(12));
  CHECK(config.agent.intake_reserve == 64_MiB);
  CHECK(config.webhook.listen.text() == "127.0.0.1:8080");
  CHECK(config.webhook.path == "/webhook");
  CHECK(config.webhook.users.empty());
  CHECK(config.webhook.max_body == 1_MiB);
  CHECK(config.webhook.tls_certificate.empty());
  CHECK_FALSE(config.webhook.insecure);
  CHECK(config.admin.listen.text() == "127.0.0.1:8081");
  CHECK(config.journal.keep_bodies == std::chrono::hours(400 * 24));
  CHECK(config.download.concurrency == 8);
  CHECK(config.download.per_host == 4);
  CHECK(config.download.rate_limit == ByteCount(0));
  CHECK(config.download.connect_timeout == std::chrono::seconds(10));
  CHECK(config.download.stall_timeout == std::chrono::seconds(60));
  CHECK(config.download.retry_min == std::chrono::seconds(2));
  CHECK(config.download.retry_max == std::chrono::minutes(15));
  CHECK(config.download.minimum_free_space == 1_GiB);
  CHECK_FALSE(config.download.allow_plain_http);
  CHECK_FALSE(config.download.allow_private_addresses);
  CHECK(config.download.staging_dir == "/var/lib/reelkeep/archive/.staging");
  CHECK(config.archive.layout == "{room_id}/{conf_num}/{kind}/{name}");
  REQUIRE(config.stores.size() == 1);
  CHECK(config.stores[0].id == StoreId("local"));
  CHECK(config.stores[0].path == "/var/lib/reelkeep/archive");
  CHECK(config.projects.empty());

  const ProjectConfig project = read_good(k_project).projects.at(0);
  CHECK(project.app_id == AppId("*"));
  CHECK(project.offered_for == std::chrono::hours(72));
  CHECK(project.redirect_hosts.empty());
  CHECK(project.volatile_query.empty());
  CHECK(project.stores == std::vector{StoreId("local")});
  CHECK_FALSE(project.credential().has_value());
}

TEST_CASE("every key is read into its place") {
  const testing::TempDir folder;
  folder.write("secrets/webhook", "pass:word\n");
  folder.write("ca.pem", "x");
  std::ifstream in(REELKEEP_SOURCE_DIR "/tests/cases/config/everything/config.toml");
  folder.write("config.toml", {std::istreambuf_iterator<char>(in), {}});
  const ConfigResult result = load_config(folder.path("config.toml"), Environment{});
  REQUIRE(result.config.has_value());
  const Config& config = *result.config;
  CHECK(config.file == folder.path("config.toml"));
  CHECK(config.agent.state_dir == folder.path("state"));
  CHECK(config.agent.log_level == log::Level::debug);
  CHECK(config.agent.log_format == log::Format::json);
  CHECK(config.agent.warn_before == std::chrono::hours(6));
  CHECK(config.agent.intake_reserve == ByteCount(0));
  CHECK(config.webhook.listen.text() == "[::1]:18080");
  CHECK(config.webhook.path == "/hooks/enablex");
  CHECK(config.webhook.max_body == 64_KiB);
  REQUIRE(config.webhook.users.size() == 2);
  CHECK(config.webhook.users[0].username == "enablex");
  CHECK(config.webhook.users[0].password.reveal() == "pass:word");
  CHECK(config.webhook.users[0].app_ids == std::vector<std::string>{"*"});
  CHECK(config.webhook.users[1].username == "old");
  CHECK(config.webhook.users[1].password.reveal() == "still-valid");
  CHECK(config.webhook.users[1].app_ids == std::vector<std::string>{"a", "b"});
  CHECK(config.admin.listen.text() == "127.0.0.1:18081");
  CHECK(config.journal.keep_bodies == std::chrono::hours(90 * 24));
  CHECK(config.download.concurrency == 3);
  CHECK(config.download.per_host == 2);
  CHECK(config.download.rate_limit == 10_MiB);
  CHECK(config.download.connect_timeout == std::chrono::milliseconds(500));
  CHECK(config.download.stall_timeout == std::chrono::seconds(90));
  CHECK(config.download.retry_min == std::chrono::seconds(1));
  CHECK(config.download.retry_max == std::chrono::minutes(5));
  CHECK(config.download.minimum_free_space == ByteCount(0));
  CHECK(config.download.allow_plain_http);
  CHECK(config.download.allow_private_addresses);
  CHECK(config.download.staging_dir == folder.path("stage"));
  CHECK(config.download.ca_file == folder.path("ca.pem"));
  CHECK(config.download.proxy.reveal() == "http://user:pass@proxy.example:3128");
  CHECK(config.archive.layout == "{app_id}/{date}/{conf_num}/{kind}/{id}-{name}");
  REQUIRE(config.stores.size() == 2);
  CHECK(config.stores[0].path == folder.path("archive"));
  CHECK(config.stores[1].path == "/srv/archive");
  REQUIRE(config.projects.size() == 2);
  const ProjectConfig& project = config.projects[0];
  CHECK(project.credential() == Credential{"files@example.com", Secret("it is : fine")});
  REQUIRE(project.hosts.size() == 2);
  CHECK(project.hosts[1].text() == "files.example.com:8443");
  CHECK(project.redirect_hosts.at(0).text() == "*.amazonaws.com");
  CHECK(project.offered_for == std::chrono::hours(48));
  CHECK(project.volatile_query == std::vector<std::string>{"session"});
  CHECK(project.stores == std::vector{StoreId("fast"), StoreId("slow")});
  REQUIRE(config.secret_files.size() == 1);
  CHECK(config.secret_files[0] ==
        SecretFile{folder.path("secrets/webhook"), "[webhook] password_file"});

  CHECK(config.project_of(AppId("65ba")) == &config.projects[0]);
  CHECK(config.project_of(AppId("another")) == &config.projects[1]);
  CHECK(config.store_of(StoreId("slow")) == &config.stores[1]);
  CHECK(config.store_of(StoreId("none")) == nullptr);
}

TEST_CASE("the example configuration works as it is: no problem, and one hint at what to fill in") {
  const ConfigResult result = read_config(example(), "config.example.toml", Environment{});
  for (const Problem& problem : result.problems) MESSAGE(problem.text());
  REQUIRE(result.config.has_value());
  REQUIRE(result.warnings.size() == 1);
  CHECK(result.warnings[0].message == "the password in [[project]] \"*\" is \"change-me\"");
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

TEST_CASE("STATE_DIRECTORY gives the state directory, unless the file does") {
  Environment environment;
  environment.state_directory = "/run/one:/run/two";
  CHECK(read_good(k_project, "/etc/c.toml", environment).agent.state_dir == "/run/one");
  CHECK(read_good("[agent]\nstate_dir = \"/own\"\n", "/etc/c.toml", environment).agent.state_dir ==
        "/own");
  CHECK(read_good(k_project, "/etc/c.toml", environment).stores.at(0).path == "/run/one/archive");
}

TEST_CASE("secrets come from $CREDENTIALS_DIRECTORY, without one trailing newline") {
  const testing::TempDir folder;
  folder.write("a", "first \n");
  folder.write("b", "second\r\n");
  folder.write("c", "third");
  for (const char* name : {"a", "b", "c"}) REQUIRE(::chmod(folder.path(name).c_str(), 0600) == 0);
  Environment environment;
  environment.credentials_directory = folder.path();
  const Config config = read_good(
      "[webhook]\nusername = \"u\"\npassword_file = \"$CREDENTIALS_DIRECTORY/a\"\n"
      "[[webhook.user]]\nusername = \"v\"\npassword_file = \"${CREDENTIALS_DIRECTORY}/b\"\n"
      "[[webhook.user]]\nusername = \"w\"\npassword_file = \"$CREDENTIALS_DIRECTORY/c\"\n",
      "/etc/reelkeep/config.toml", environment);
  REQUIRE(config.webhook.users.size() == 3);
  CHECK(config.webhook.users[0].password.reveal() == "first ");
  CHECK(config.webhook.users[1].password.reveal() == "second");
  CHECK(config.webhook.users[2].password.reveal() == "third");
}

TEST_CASE("who only looks at the state needs no secret file") {
  Environment environment;
  environment.secret_files = SecretFiles::leave;
  const Config config = read_good(
      "[webhook]\nusername = \"u\"\npassword_file = \"$CREDENTIALS_DIRECTORY/a\"\n"
      "[[project]]\nusername = \"x\"\npassword_file = \"/nowhere/b\"\nhosts = [\"h.example\"]\n",
      "/etc/reelkeep/config.toml", environment);
  CHECK(config.webhook.users.at(0).password.reveal().empty());
  CHECK(config.projects.at(0).username == "x");
}

TEST_CASE("a secret that everyone may read is a warning, in its file and in the configuration") {
  const testing::TempDir folder;
  folder.write("pw", "secret\n");
  const std::string path = folder.write("config.toml",
                                        "[webhook]\nusername = \"u\"\npassword_file = \"pw\"\n"
                                        "[[project]]\nusername = \"x\"\npassword = \"y\"\n"
                                        "hosts = [\"files.example.com\"]\n");
  REQUIRE(::chmod(folder.path("pw").c_str(), 0644) == 0);
  REQUIRE(::chmod(path.c_str(), 0644) == 0);
  ConfigResult result = load_config(path, Environment{});
  REQUIRE(result.config.has_value());
  REQUIRE(result.warnings.size() == 2);
  CHECK(result.warnings[0].text() ==
        path +
            ": holds a password and everyone on this machine may read it; chmod 0640, or put the "
            "password into a file of its own (password_file)");
  CHECK(result.warnings[1].text() ==
        path + ":3:17: password_file: everyone on this machine may read " + folder.path("pw") +
            "; chmod 0640 " + folder.path("pw"));

  REQUIRE(::chmod(folder.path("pw").c_str(), 0640) == 0);
  REQUIRE(::chmod(path.c_str(), 0640) == 0);
  CHECK(load_config(path, Environment{}).warnings.empty());
}

TEST_CASE("no message repeats a secret") {
  const ConfigResult result = read_config(
      "[webhook]\nusername = \"u\"\npassword = \"hunter2\\u0007\"\n"
      "[download]\nproxy = \"hunter2://user:hunter2\"\n"
      "[[project]]\npassword = \"hunter2\"\npassword_file = \"/nowhere\"\n",
      "config.toml", Environment{});
  CHECK(result.problems.size() >= 4);
  for (const Problem& problem : result.problems)
    CHECK(problem.text().find("hunter2") == std::string::npos);
}

TEST_CASE("a configuration that is not there is told with the ways to name it, exit status 2") {
  const testing::TempDir folder;
  const ConfigResult result = load_config(folder.path("none.toml"), Environment{});
  CHECK_FALSE(result.config.has_value());
  REQUIRE(result.problems.size() == 1);
  CHECK(result.problems[0].text() ==
        folder.path("none.toml") +
            ": cannot read the configuration: no such file or directory; name the file with "
            "--config FILE or REELKEEP_CONFIG");
  CHECK(exit_status(result.error().code) == 2);
  CHECK(load_config(folder.path(), Environment{}).problems.size() == 1);
}

TEST_CASE("a configuration or a secret that may not be read has exit status 5 and says who may") {
  const testing::TempDir folder;
  const std::string closed = folder.write("closed.toml", "");
  const std::string secret = folder.write("secret", "x\n");
  const std::string open =
      folder.write("open.toml", "[webhook]\nusername = \"u\"\npassword_file = \"secret\"\n");
  REQUIRE(::chmod(folder.path().c_str(), 0755) == 0);
  REQUIRE(::chmod(closed.c_str(), 0) == 0);
  REQUIRE(::chmod(secret.c_str(), 0) == 0);
  REQUIRE(::chmod(open.c_str(), 0644) == 0);
  // Root may read everything: for a moment this process is nobody.
  const bool root = ::geteuid() == 0;
  if (root) REQUIRE(::seteuid(65534) == 0);
  const ConfigResult of_config = load_config(closed, Environment{});
  const ConfigResult of_secret = load_config(open, Environment{});
  if (root) REQUIRE(::seteuid(0) == 0);
  REQUIRE(of_config.problems.size() == 1);
  CHECK(exit_status(of_config.error().code) == 5);
  CHECK(of_config.problems[0].text().find("permission denied; run it as") != std::string::npos);
  REQUIRE(of_secret.problems.size() == 1);
  CHECK(exit_status(of_secret.error().code) == 5);
  CHECK(of_secret.problems[0].text().find("chgrp reelkeep, chmod 0640") != std::string::npos);
}

TEST_CASE("the option names the configuration before the environment does") {
  Environment environment;
  CHECK(config_path(std::nullopt, environment) == "/etc/reelkeep/config.toml");
  environment.config_path = "/from/environment";
  CHECK(config_path(std::nullopt, environment) == "/from/environment");
  CHECK(config_path("option.toml", environment) == "option.toml");
}

TEST_CASE("only what is read at start asks for a restart") {
  const Config before = read_good(k_project);
  Config after = before;
  after.webhook.users.push_back(WebhookUser{"new", Secret("pair")});
  after.download.concurrency = 1;
  after.projects.clear();
  CHECK(changes_that_need_a_restart(before, after).empty());
  after.webhook.listen.port = 9;
  after.agent.state_dir = "/elsewhere";
  CHECK(changes_that_need_a_restart(before, after) ==
        std::vector<std::string>{"[agent] state_dir", "[webhook] listen"});
}

TEST_CASE("addresses to listen on are read in every usual spelling") {
  const auto text = [](std::string_view from) {
    const auto address = ListenAddress::parse(from);
    return address ? address->text() : std::string("refused");
  };
  CHECK(text("127.0.0.1:8080") == "127.0.0.1:8080");
  CHECK(text("localhost:80") == "127.0.0.1:80");
  CHECK(text(":8080") == "0.0.0.0:8080");
  CHECK(text("[::1]:0") == "[::1]:0");
  CHECK(text("[0:0::1]:65535") == "[::1]:65535");
  for (const char* wrong :
       {"", "8080", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "::1:8080", "127.0.0.1:80x",
        "[127.0.0.1]:80", "example.com:80", "[::1:80", "[]:80"}) {
    CAPTURE(wrong);
    CHECK(text(wrong) == "refused");
  }
  CHECK(ListenAddress{"127.9.9.9", 1}.is_loopback());
  CHECK_FALSE(ListenAddress{"0.0.0.0", 1}.is_loopback());
  CHECK_FALSE(ListenAddress{"10.0.0.1", 1}.is_loopback());
  CHECK(ListenAddress{"0.0.0.0", 1}.collides_with({"10.0.0.1", 1}));
  CHECK(ListenAddress{"::", 1}.collides_with({"127.0.0.1", 1}));
  CHECK_FALSE(ListenAddress{"127.0.0.1", 1}.collides_with({"10.0.0.1", 1}));
  CHECK_FALSE(ListenAddress{"127.0.0.1", 0}.collides_with({"127.0.0.1", 0}));
}

TEST_CASE("deep nesting and binary rubbish are refused without harm") {
  const std::string deep = "a = " + std::string(100'000, '[');
  CHECK(read_config(deep, "x", Environment{}).problems.size() == 1);
  CHECK(read_config(std::string("\x00\xff\xfe", 3), "x", Environment{}).problems.size() == 1);
  std::string dotted = "a";
  for (int i = 0; i < 20'000; ++i) dotted += ".a";
  CHECK_FALSE(read_config(dotted + " = 1", "x", Environment{}).problems.empty());
}

TEST_CASE("an S3 store has the defaults that its endpoint asks for") {
  const std::string head =
      "[agent]\nstate_dir = \"/state\"\n[[store]]\nid = \"s\"\ntype = \"s3\"\n";
  const std::string key = "access_key_id = \"i\"\nsecret_access_key = \"s\"\n";
  const auto read = [&](const std::string& more) {
    const ConfigResult result = read_config(head + key + more, "c.toml", Environment{});
    REQUIRE(result.config);
    return *result.config;
  };
  const Config amazon = read("region = \"eu-west-1\"\nbucket = \"b\"\nprefix = \"/a/b\"\n");
  CHECK(amazon.stores[0].endpoint == "https://s3.eu-west-1.amazonaws.com");
  CHECK_FALSE(amazon.stores[0].path_style);
  CHECK(amazon.stores[0].prefix == "a/b/");
  CHECK(amazon.download.staging_dir == "/state/staging");
  CHECK(read("bucket = \"b.c\"\n").stores[0].path_style);
  const Config other = read("endpoint = \"http://127.0.0.1:9000/\"\nbucket = \"b\"\n");
  CHECK(other.stores[0].endpoint == "http://127.0.0.1:9000");
  CHECK(other.stores[0].path_style);
  CHECK(other.stores[0].prefix.empty());
  const Config both = read("bucket = \"b\"\n[[store]]\nid = \"l\"\npath = \"/archive\"\n");
  CHECK(both.download.staging_dir == "/archive/.staging");
}

TEST_CASE("no destination moves files about in a bucket that is a store") {
  const auto problems = [](const std::string& bucket, const std::string& action) {
    const ConfigResult result = read_config(
        std::string(k_project) + "[[store]]\nid = \"local\"\ntype = \"s3\"\nbucket = \"" + bucket +
            "\"\nendpoint = \"http://127.0.0.1:9\"\naccess_key_id = \"a\"\n"
            "secret_access_key = \"s\"\n"
            "[[destination]]\nid = \"there\"\nname = \"awss3\"\naction = \"" +
            action +
            "\"\naccount = \"pushed\"\nendpoint = \"http://127.0.0.1:9\"\n"
            "access_key_id = \"a\"\nsecret_access_key = \"s\"\n",
        "/etc/reelkeep/config.toml", {});
    std::string told;
    for (const Problem& problem : result.problems) told += problem.text() + "\n";
    return told;
  };
  CHECK(problems("pushed", "organise").find("moves files about in the bucket of store \"local\"") !=
        std::string::npos);
  for (const std::string& told : {problems("pushed", "verify"), problems("own", "organise")})
    CHECK(told.find("moves files about") == std::string::npos);
}

TEST_CASE("new credentials of an S3 store need no restart, another bucket does") {
  Config running;
  running.stores = {{.id = StoreId("s"), .type = StoreConfig::Type::s3, .bucket = "b"}};
  Config wanted = running;
  wanted.stores[0].access_key_id = "new";
  wanted.stores[0].secret_access_key = Secret("new");
  wanted.stores[0].session_token = Secret("new");
  CHECK(changes_that_need_a_restart(running, wanted).empty());
  wanted.stores[0].bucket = "c";
  CHECK(changes_that_need_a_restart(running, wanted) == std::vector<std::string>{"[[store]]"});
}

}  // namespace reelkeep::daemon
