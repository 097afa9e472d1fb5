#include "enablex/delivered_file.hpp"

#include <doctest/doctest.h>
#include <string>

namespace reelkeep::enablex {
namespace {

const Destination k_s3{"awss3", "", "my-bucket"};
const Destination k_ftp{"ftp", "ftp.example.com", "uploads"};
const Destination k_sftp{"sftp", "sftp.example.com", ""};
const Destination k_ssh{"ssh", "scp.example.com", ""};
const Destination k_drive{"gdrive", "", ""};

DeliveredFile file(std::string_view told, const Destination& destination) {
  Result<DeliveredFile> made = delivered_file(told, destination, {});
  REQUIRE_MESSAGE(made.has_value(), (made ? "" : made.error().message));
  return std::move(made).value();
}

std::string location(std::string_view told, const Destination& destination) {
  return file(told, destination).location;
}

TEST_CASE("every endpoint of Amazon S3 names bucket and key") {
  for (const char* url : {
           "https://my-bucket.s3.amazonaws.com/room/conf/file1.mov",
           "http://my-bucket.s3.amazonaws.com/room/conf/file1.mov",
           "https://my-bucket.s3.eu-west-1.amazonaws.com/room/conf/file1.mov",
           "https://my-bucket.s3-eu-west-1.amazonaws.com/room/conf/file1.mov",
           "https://my-bucket.s3.dualstack.us-east-2.amazonaws.com/room/conf/file1.mov",
           "https://my-bucket.s3-accelerate.amazonaws.com/room/conf/file1.mov",
           "https://my-bucket.s3-accelerate.dualstack.amazonaws.com/room/conf/file1.mov",
           "https://my-bucket.s3-fips.us-gov-west-1.amazonaws.com/room/conf/file1.mov",
           "https://my-bucket.s3-fips.dualstack.us-east-1.amazonaws.com/room/conf/file1.mov",
           "https://my-bucket.s3.cn-north-1.amazonaws.com.cn/room/conf/file1.mov",
           "http://my-bucket.s3-website-us-east-1.amazonaws.com/room/conf/file1.mov",
           "https://s3.amazonaws.com/my-bucket/room/conf/file1.mov",
           "https://s3.ap-south-1.amazonaws.com/my-bucket/room/conf/file1.mov",
           "https://s3-ap-south-1.amazonaws.com/my-bucket/room/conf/file1.mov",
           "https://s3.dualstack.ap-south-1.amazonaws.com/my-bucket/room/conf/file1.mov",
           "s3://my-bucket/room/conf/file1.mov",
           "S3://AKIA:s3cr3t@my-bucket/room/conf/file1.mov",
           "s3://AKIA:s3/cr3t@my-bucket/room/conf/file1.mov",
       }) {
    CAPTURE(url);
    for (const Destination& destination : {k_s3, k_ftp, Destination{}}) {
      CHECK(location(url, destination) == "s3://my-bucket/room/conf/file1.mov");
      CHECK(file(url, destination).name == "file1.mov");
      CHECK(file(url, destination).source_key.get() == "my-bucket/room/conf/file1.mov");
    }
  }
}

TEST_CASE("a bucket's name may have dots, and s3 between them") {
  CHECK(location("https://my.own.bucket.s3.amazonaws.com/k", k_drive) == "s3://my.own.bucket/k");
  CHECK(location("https://a.s3.b.s3.eu-west-1.amazonaws.com/k", k_drive) == "s3://a.s3.b/k");
  CHECK(location("https://s3.s3.amazonaws.com/k", k_drive) == "s3://s3/k");
  CHECK(location("https://s3.amazonaws.com/my.bucket/k", k_drive) == "s3://my.bucket/k");
}

TEST_CASE("the key of a URL is percent-decoded, a plus stays a plus") {
  CHECK(location("https://b.s3.amazonaws.com/a%20b/c%2Bd+e%25.mov?X-Amz-Signature=1", k_drive) ==
        "s3://b/a b/c+d+e%.mov");
  CHECK(location("https://b.s3.amazonaws.com//a//b", k_drive) == "s3://b//a//b");
  CHECK(location("s3://b/a%20b?c#d", k_drive) == "s3://b/a%20b?c#d");
}

TEST_CASE("a key that would not fit on one line stays a URL") {
  CHECK(location("https://b.s3.amazonaws.com/a%0Ab", k_drive) ==
        "https://b.s3.amazonaws.com/a%0Ab");
  CHECK(location("https://b.s3.amazonaws.com/a%FF", k_drive) == "https://b.s3.amazonaws.com/a%FF");
}

TEST_CASE("an S3-compatible service is known by the bucket that the event names") {
  CHECK(location("https://minio.example.com/my-bucket/room/f", k_s3) == "s3://my-bucket/room/f");
  CHECK(location("https://my-bucket.minio.example.com/room/f", k_s3) == "s3://my-bucket/room/f");
  CHECK(location("https://cdn.example.com/room/f", k_s3) == "https://cdn.example.com/room/f");
  CHECK(location("https://minio.example.com/my-bucket/room/f", k_drive) ==
        "https://minio.example.com/my-bucket/room/f");
}

TEST_CASE("hosts that only look like S3 stay URLs") {
  for (const char* url :
       {"https://b.s3.amazonaws.com.evil.example/k", "https://s3.amazonaws.com/bucket-only",
        "https://b.s3.amazonaws.com/", "https://lambda.eu-west-1.amazonaws.com/a/b",
        "https://ap-1.s3-accesspoint.eu-west-1.amazonaws.com/k", "https://amazonaws.com/a/b"}) {
    CAPTURE(url);
    CHECK(location(url, k_drive) == url);
  }
}

TEST_CASE("bare paths are combined with the destination") {
  CHECK(location("room/conf/a b.mov", k_s3) == "s3://my-bucket/room/conf/a b.mov");
  CHECK(location("/room/conf/f.mov", k_s3) == "s3://my-bucket/room/conf/f.mov");
  CHECK(location("/root/room/conf/a b%.mov", k_ftp) ==
        "ftp://ftp.example.com/root/room/conf/a%20b%25.mov");
  CHECK(file("/root/room/conf/a b%.mov", k_ftp).name == "a b%.mov");
  // With TLS from the first byte or on request it is the same file at the same server.
  for (const char* scheme : {"ftp", "ftps", "ftpes", "FTPS"})
    CHECK(location(std::string(scheme) + "://ftp.example.com/root/f.mov", k_ftp) ==
          "ftp://ftp.example.com/root/f.mov");
  CHECK(location("ftps://ftp.example.com:990/root/f.mov", k_ftp) ==
        "ftp://ftp.example.com:990/root/f.mov");
  CHECK(location("/root/f.mov", {"FTPS", "ftp.example.com", ""}) ==
        "ftp://ftp.example.com/root/f.mov");
  CHECK(location("scp://scp.example.com/room/f.mov", k_ssh) == "sftp://scp.example.com/room/f.mov");
  CHECK(location("user@scp.example.com:room/f.mov", {"scp", "", ""}) ==
        "sftp://scp.example.com/room/f.mov");
  CHECK(location("room/f.mov", k_sftp) == "sftp://sftp.example.com/room/f.mov");
  CHECK(location("/room/f.mov", k_ssh) == "sftp://scp.example.com/room/f.mov");
  CHECK(location("room/f.mov", {"FTP", "ftp://u:s3cr3t@h:2121/root", ""}) ==
        "ftp://h:2121/root/room/f.mov");
  CHECK(location("/room/f.mov", {"sftp", "u:s3cr3t@h:22", ""}) == "sftp://h/room/f.mov");
  CHECK(location("me@h2:room/f.mov", k_ssh) == "sftp://h2/room/f.mov");
}

TEST_CASE("URLs of FTP, SFTP and SCP keep host, other port and path") {
  CHECK(location("ftp://u:s3cr3t@h/a%20b.mov", k_ftp) == "ftp://h/a%20b.mov");
  CHECK(location("ftp://h:21/a", k_drive) == "ftp://h/a");
  CHECK(location("sftp://h:2222/a", k_sftp) == "sftp://h:2222/a");
  CHECK(location("scp://h/a", k_ssh) == "sftp://h/a");
  CHECK(location("ssh://u@h:22/a", k_ssh) == "sftp://h/a");
}

TEST_CASE("a web URL on the destination's own host is the file on that host") {
  CHECK(location("https://sftp.example.com/room/f.mov", k_sftp) ==
        "sftp://sftp.example.com/room/f.mov");
  CHECK(location("https://ftp.example.com:8443/room/f.mov?x=1", k_ftp) ==
        "ftp://ftp.example.com/room/f.mov");
  CHECK(location("https://h/room/f.mov", {"ftp", "", ""}) == "ftp://h/room/f.mov");
  CHECK(location("https://h/room/f.mov", {"ftp", "h:2121", ""}) == "ftp://h:2121/room/f.mov");
  CHECK(location("https://elsewhere.example.com/f.mov", k_sftp) ==
        "https://elsewhere.example.com/f.mov");
}

TEST_CASE("anything else is where the provider says, without secrets") {
  const DeliveredFile made = file(
      "https://u:s3cr3t@acct.blob.core.windows.net/c/f.mov?sv=1&st=2&sig=abc&snapshot=3", k_drive);
  CHECK(made.location == "https://acct.blob.core.windows.net/c/f.mov?snapshot=3");
  CHECK(made.url.find("s3cr3t") == std::string::npos);
  CHECK(file("https://drive.google.com/", k_drive).name == "delivered");
}

TEST_CASE("what names no place is an error that tells why") {
  const auto reason = [](std::string_view told, const Destination& destination) {
    const auto made = delivered_file(told, destination, {});
    REQUIRE_FALSE(made.has_value());
    CHECK(made.error().code == Errc::invalid);
    return made.error().message;
  };
  CHECK(reason("room/f.mov", k_drive) == "is not an absolute URL");
  CHECK(reason("room/f.mov", {"awss3", "", ""}).find("bucket") != std::string::npos);
  CHECK(reason("/", k_s3).find("no object") != std::string::npos);
  CHECK(reason("s3://bucket", k_s3).find("no object") != std::string::npos);
  CHECK(reason("s3://key:secret/bucket", k_s3).find("no object") != std::string::npos);
  CHECK(reason("room/f.mov", {"ftp", " ", ""}).find("no host") != std::string::npos);
  CHECK(reason("room/f.mov", {"ftp", "not a host", ""}).find("usable") != std::string::npos);
  CHECK(reason("ftp:///f.mov", k_ftp).find("usable") != std::string::npos);
  CHECK(reason("a\nb", k_ftp).find("control") != std::string::npos);
}

TEST_CASE("user info is taken off a host") {
  CHECK(without_user_info("ftp.example.com") == "ftp.example.com");
  CHECK(without_user_info("u:p@h:21") == "h:21");
  CHECK(without_user_info("ftp://u:p@x/@h/root") == "ftp://h/root");
}

}  // namespace
}  // namespace reelkeep::enablex
