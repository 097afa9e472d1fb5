#include <algorithm>
#include <doctest/doctest.h>
#include <fstream>

#include "daemon/good_config.hpp"
#include "support/temp_dir.hpp"

namespace reelkeep::daemon {

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

TEST_CASE("STATE_DIRECTORY gives the state directory, unless the file does") {
  Environment environment;
  environment.state_directory = "/run/one:/run/two";
  CHECK(read_good(k_project, "/etc/c.toml", environment).agent.state_dir == "/run/one");
  CHECK(read_good("[agent]\nstate_dir = \"/own\"\n", "/etc/c.toml", environment).agent.state_dir ==
        "/own");
  CHECK(read_good(k_project, "/etc/c.toml", environment).stores.at(0).path == "/run/one/archive");
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

TEST_CASE("source_prefix is a plain folder, and check asks for it where files are taken or moved") {
  const auto told = [](const std::string& lines) {
    return read_config(
        std::string(k_project) +
            "[[destination]]\nid = \"there\"\nname = \"awss3\"\naccount = \"pushed\"\n"
            "access_key_id = \"a\"\nsecret_access_key = \"s\"\n" +
            lines,
        "/etc/reelkeep/config.toml", {});
  };
  const auto warned = [](const ConfigResult& result) {
    return std::ranges::any_of(result.warnings, [](const Problem& warning) {
      return warning.text().find("write source_prefix, the folder") != std::string::npos;
    });
  };
  const ConfigResult good = told("action = \"fetch\"\nsource_prefix = \"/rooms/in\"\n");
  REQUIRE(good.config);
  CHECK(good.config->destinations[0].rule().source_prefix == "rooms/in/");
  CHECK_FALSE(warned(good));
  for (const char* action : {"fetch", "adopt", "organise"})
    CHECK(warned(told("action = \"" + std::string(action) + "\"\n")));
  for (const char* action : {"record", "verify"})
    CHECK_FALSE(warned(told("action = \"" + std::string(action) + "\"\n")));
  for (const char* prefix : {"a/../b", "..", "a//b", "./a"}) {
    CAPTURE(prefix);
    const ConfigResult bad = told("source_prefix = \"" + std::string(prefix) + "\"\n");
    REQUIRE(bad.problems.size() == 1);
    CHECK(bad.problems[0].text().find("expected plain folders such as") != std::string::npos);
  }
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

TEST_CASE("no destination moves files about in the path of a local store") {
  const auto problems = [](const std::string& host, const std::string& root,
                           const std::string& action = "organise") {
    const ConfigResult result = read_config(
        std::string(k_project) + "[[store]]\nid = \"local\"\npath = \"/srv/archive/\"\n" +
            "[[destination]]\nid = \"there\"\nname = \"sftp\"\naction = \"" + action +
            "\"\nhost = \"" + host + "\"\nroot = \"" + root +
            "\"\nusername = \"u\"\npassword = \"p\"\nhost_key = \"SHA256:" + std::string(43, 'A') +
            "\"\n",
        "/etc/reelkeep/config.toml", {});
    std::string told;
    for (const Problem& problem : result.problems) told += problem.text() + "\n";
    return told;
  };
  const std::string clash = "moves files about in the path of store \"local\"";
  for (const char* root :
       {"/srv/archive", "/srv/archive/", "/srv/archive/pushed", "/srv/./archive"})
    CHECK(problems("127.0.0.1:2222", root).find(clash) != std::string::npos);
  CHECK(problems("localhost", "/srv/archive").find(clash) != std::string::npos);
  CHECK(problems("127.0.0.1", "/srv/archives").find(clash) == std::string::npos);
  CHECK(problems("127.0.0.1", "/srv").find(clash) == std::string::npos);
  CHECK(problems("files.example.com", "/srv/archive").find(clash) == std::string::npos);
  CHECK(problems("127.0.0.1", "/srv/archive", "verify").find(clash) == std::string::npos);
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
