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

TEST_CASE("what is not in source_prefix is refused, however its location is spelled") {
  DestinationRule bucket{.id = StoreId("there"), .name = "awss3", .account = "films"};
  CHECK(bucket.refuses("s3://films/anywhere/f.mov") == "");
  bucket.source_prefix = "pushed/";
  CHECK(bucket.refuses("s3://films/pushed/r1/f.mov") == "");
  for (const char* location : {"s3://films/f.mov", "s3://films/pushed", "s3://films/pushed2/f.mov",
                               "s3://films/pushed/../secret/f.mov", "s3://films//pushed/f.mov",
                               "s3://films/pushed/./f.mov", "s3://films/Pushed/f.mov"}) {
    CAPTURE(location);
    CHECK(
        bucket.refuses(location) ==
        "it is not in source_prefix \"pushed/\" of destination \"there\": nothing is done with it");
  }
  const DestinationRule server{
      .id = StoreId("there"), .name = "sftp", .host = "h", .source_prefix = "a b/pushed/"};
  for (const char* location : {"sftp://h/a%20b/pushed/f.mov", "sftp://h//a%20b//%70ushed/f.mov"}) {
    CAPTURE(location);
    CHECK(server.refuses(location) == "");
  }
  for (const char* location :
       {"sftp://h/a%20b/f.mov", "sftp://h/a%20b/pushed/%2e%2e/f.mov", "sftp://h/pushed/f.mov",
        "sftp://h/a%20b/pushed/..%2f../f.mov", "sftp://h/a%20b/pushed", "no location"}) {
    CAPTURE(location);
    CHECK(server.refuses(location) != "");
  }
}

TEST_CASE("what lies in the layout of an organised destination is no push") {
  DestinationRule rule{.id = StoreId("there"),
                       .name = "ftp",
                       .host = "h",
                       .action = DestinationAction::organise,
                       .layout_prefix = "archive/"};
  CHECK(rule.refuses("ftp://h/r1/c1/f.mov") == "");
  CHECK(rule.refuses("ftp://h/archive2/f.mov") == "");
  for (const char* location : {"ftp://h/archive/r1/f.mov", "ftp://h//%61rchive//r1/f.mov"}) {
    CAPTURE(location);
    CHECK(rule.refuses(location) ==
          "it lies in prefix \"archive/\" of destination \"there\", where moved files are kept: "
          "nothing is done with it");
  }
  rule.action = DestinationAction::verify;
  CHECK(rule.refuses("ftp://h/archive/r1/f.mov") == "");
  rule.action = DestinationAction::organise;
  rule.layout_prefix = "";
  CHECK(rule.refuses("ftp://h/archive/r1/f.mov") == "");
}

TEST_CASE("each action has its word") {
  for (const char* word : {"record", "verify", "fetch", "adopt", "organise"}) {
    REQUIRE(parse_destination_action(word).has_value());
    CHECK(to_string(*parse_destination_action(word)) == word);
  }
  CHECK_FALSE(parse_destination_action("organize").has_value());
}
