#include "simulate/stand_in.hpp"

#include <array>
#include <cstdio>
#include <doctest/doctest.h>
#include <memory>
#include <string>
#include <sys/wait.h>

#include "crypto/sha256.hpp"
#include "json/json.hpp"

using namespace reelkeep;
using namespace reelkeep::simulate;

namespace {

struct Fetched {
  int exit_status = -1;
  std::string output;
};

/// The curl program, whatever its configuration files and proxies say.
Fetched curl(const std::string& arguments) {
  const std::string command = "curl --disable --silent --noproxy '*' --max-time 60 " + arguments;
  Fetched fetched;
  FILE* pipe = ::popen(command.c_str(), "r");
  REQUIRE(pipe != nullptr);
  std::array<char, 65536> buffer{};
  while (const std::size_t count = std::fread(buffer.data(), 1, buffer.size(), pipe))
    fetched.output.append(buffer.data(), count);
  fetched.exit_status = WEXITSTATUS(::pclose(pipe));
  return fetched;
}

const std::string k_pair = "--user files@example.com:simulated ";
const std::string k_status = "--output /dev/null --write-out '%{http_code}' ";

std::unique_ptr<StandIn> start(StandInOptions options) {
  auto stand_in = StandIn::start(std::move(options));
  REQUIRE_MESSAGE(stand_in.has_value(), (stand_in ? "" : stand_in.error().message));
  return *std::move(stand_in);
}

std::unique_ptr<StandIn> start_with(const std::string& failure) {
  return start({.kinds = {ArtifactKind::recording}, .failures = {*parse_failure(failure)}});
}

}  // namespace

TEST_CASE("every expected file can be fetched and has the expected size and digest") {
  const auto stand_in = start({.sessions = 2, .recordings = 3, .size = ByteCount(3'000'001)});
  const std::vector<ExpectedFile> files = stand_in->expected();
  CHECK(files.size() == 2 * (3 + 1 + 4));
  for (const ExpectedFile& file : files) {
    CAPTURE(file.url);
    const Fetched fetched = curl("--fail " + k_pair + file.url);
    CHECK(fetched.exit_status == 0);
    CHECK(ByteCount(fetched.output.size()) == file.size);
    CHECK(sha256(fetched.output) == file.digest);
  }
}

TEST_CASE("a file without the right pair is refused with 403, as the real provider does") {
  const auto stand_in = start({});
  const std::string url = stand_in->expected()[0].url;
  CHECK(curl(k_status + url).output == "403");
  CHECK(curl(k_status + "--user files@example.com:wrong " + url).output == "403");
  CHECK(curl(k_status + k_pair + url).output == "200");
  CHECK(curl(k_status + k_pair + stand_in->base_url() + "/files/none").output == "404");
  CHECK(curl(k_status + k_pair + "--head " + url).output == "405");
  CHECK(curl(k_status + k_pair + "--data x " + url).output == "405");
  const RequestCounts counts = stand_in->counts();
  CHECK(counts.requests == 6);
  CHECK(counts.unauthorized == 2);
  const std::vector<SeenRequest> requests = stand_in->requests();
  CHECK(requests[0].authorization == Authorization::none);
  CHECK(requests[1].authorization == Authorization::wrong);
  CHECK(requests[2].authorization == Authorization::right);
  CHECK(requests[2].status == 200);
  CHECK(requests[4].method == "HEAD");
}

TEST_CASE("a stand-in without a pair serves everybody") {
  const auto stand_in = start({.files = Credential()});
  CHECK(curl(k_status + stand_in->expected()[0].url).output == "200");
  CHECK(stand_in->counts().unauthorized == 0);
}

TEST_CASE("a download that was broken off is continued by a range") {
  const auto stand_in = start_with("truncate:0.5:1");
  const ExpectedFile file = stand_in->expected()[0];
  const Fetched cut = curl(k_pair + file.url);
  CHECK(cut.exit_status == 18);  // CURLE_PARTIAL_FILE
  REQUIRE(cut.output.size() == file.size.get() / 2);
  const Fetched rest =
      curl(k_pair + "--range " + std::to_string(cut.output.size()) + "- " + file.url);
  CHECK(rest.exit_status == 0);
  CHECK(sha256(cut.output + rest.output) == file.digest);
  const std::string path = stand_in->plan().sessions()[0].files[0].path;
  CHECK(stand_in->counts(path).requests == 2);
  CHECK(stand_in->counts(path).ranges == 1);
  CHECK(stand_in->requests().back().range == "bytes=524288-");
  CHECK(stand_in->requests().back().status == 206);
}

TEST_CASE("a range against another validator gets the whole file") {
  const auto stand_in = start({});
  const std::string url = stand_in->expected()[0].url;
  CHECK(curl(k_status + k_pair + "-r 10- -H 'If-Range: \"other\"' " + url).output == "200");
  CHECK(curl(k_status + k_pair + "-r 10- " + url).output == "206");
  CHECK(curl(k_status + k_pair + "-r 99999999- " + url).output == "416");
  CHECK(stand_in->requests()[0].if_range == "\"other\"");
}

TEST_CASE("a file that is not published yet appears after the requests it was asked to miss") {
  const auto stand_in = start_with("404:2");
  const std::string url = stand_in->expected()[0].url;
  CHECK(curl(k_status + url).output == "403");  // does not count: nothing was told
  CHECK(curl(k_status + k_pair + url).output == "404");
  CHECK(curl(k_status + k_pair + url).output == "404");
  CHECK(curl(k_status + k_pair + url).output == "200");
}

TEST_CASE("a redirect leads to a host that refuses credentials") {
  const auto stand_in = start_with("redirect");
  const ExpectedFile file = stand_in->expected()[0];
  const std::string port = stand_in->base_url().substr(stand_in->base_url().rfind(':') + 1);
  const std::string resolve = "--resolve localhost:" + port + ":127.0.0.1 ";
  const Fetched fetched = curl(k_pair + resolve + "--location " + file.url);
  CHECK(sha256(fetched.output) == file.digest);
  CHECK(curl(k_status + k_pair + resolve + "--location-trusted " + file.url).output == "400");
}

TEST_CASE("the API wants APP_ID and APP_KEY, and its answers lead back to the files") {
  const auto stand_in = start({.app_id = "app-1"});
  const std::string url =
      stand_in->api_url() + "archive/conf/" + stand_in->plan().sessions()[0].conf_num.get();
  CHECK(curl(k_status + url).output == "401");
  CHECK(curl(k_status + k_pair + url).output == "401");
  const auto answer = json::parse(curl("--user app-1:simulated " + url).output);
  REQUIRE(answer);
  const auto recording = (*answer)["archive"].items()[0]["recording"].items()[0]["url"].string();
  CHECK(recording == stand_in->expected()[0].url);
  CHECK(curl(k_status + "--user app-1:simulated " + stand_in->api_url() + "rooms").output == "404");
}

TEST_CASE("a public address replaces the one listened on in every URL") {
  const auto stand_in = start({.public_url = "https://files.example.com/recordings"});
  CHECK(stand_in->expected()[0].url.starts_with("https://files.example.com/recordings/files/"));
  CHECK(stand_in->api_url() == "https://files.example.com/recordings/video/v2/");
}

TEST_CASE("impossible options and a taken port are refused") {
  CHECK(StandIn::start({.sessions = 0}).error().code == Errc::invalid);
  const auto stand_in = start({});
  const std::string address = stand_in->base_url().substr(std::string("http://").size());
  CHECK(StandIn::start({.listen = address}).error().code == Errc::conflict);
}
