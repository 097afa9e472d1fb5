#include <algorithm>
#include <doctest/doctest.h>
#include <fstream>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/good_config.hpp"
#include "support/temp_dir.hpp"

namespace reelkeep::daemon {

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

}  // namespace reelkeep::daemon
