// Which pushed files are at which configured destination.
#include "reelkeep/model/destination_rule.hpp"

#include <doctest/doctest.h>

using namespace reelkeep;

TEST_CASE("a bucket is told by its name, whatever the event calls S3") {
  const DestinationRule rule{.id = StoreId("there"), .name = "awss3", .account = "films"};
  for (const char* name : {"awss3", "AWSS3", " s3 "}) CHECK(rule.matches(name, "s3://films/a.mov"));
  CHECK_FALSE(rule.matches("awss3", "s3://films2/a.mov"));
  CHECK_FALSE(rule.matches("awss3", "s3://film/films/a.mov"));
  CHECK_FALSE(rule.matches("sftp", "s3://films/a.mov"));
  CHECK_FALSE(rule.matches("gdrive", "s3://films/a.mov"));
}

TEST_CASE("a server is told by host and port, and FTP with TLS is FTP") {
  const DestinationRule plain{.id = StoreId("there"), .name = "ftp", .host = "ftp.example.com"};
  for (const char* name : {"ftp", "FTPS", "ftpes"})
    CHECK(plain.matches(name, "ftp://ftp.example.com/a.mov"));
  CHECK(plain.matches("ftp", "ftp://ftp.example.com:21/a.mov"));
  CHECK_FALSE(plain.matches("ftp", "ftp://ftp.example.com:990/a.mov"));
  CHECK_FALSE(plain.matches("ftp", "ftp://other.example.com/a.mov"));
  CHECK_FALSE(plain.matches("ftp", "sftp://ftp.example.com/a.mov"));
  DestinationRule implicit = plain;
  implicit.port = 990;
  CHECK(implicit.matches("ftps", "ftp://ftp.example.com:990/a.mov"));
  CHECK(implicit.matches("ftps", "ftp://ftp.example.com/a.mov"));
}

TEST_CASE("SFTP and SCP are two destinations at one kind of location") {
  const DestinationRule sftp{.id = StoreId("there"), .name = "sftp", .host = "h", .port = 2222};
  const DestinationRule ssh{.id = StoreId("there"), .name = "ssh", .host = "h", .port = 2222};
  CHECK(sftp.matches("sftp", "sftp://h:2222/a.mov"));
  CHECK_FALSE(sftp.matches("ssh", "sftp://h:2222/a.mov"));
  CHECK(ssh.matches("ssh", "sftp://h:2222/a.mov"));
  CHECK(ssh.matches("scp", "sftp://h/a.mov"));
  CHECK_FALSE(ssh.matches("scp", "sftp://h:22/a.mov"));
}

TEST_CASE("each action has its word") {
  for (const char* word : {"record", "verify", "fetch", "adopt", "organise"}) {
    REQUIRE(parse_destination_action(word).has_value());
    CHECK(to_string(*parse_destination_action(word)) == word);
  }
  CHECK_FALSE(parse_destination_action("organize").has_value());
}
