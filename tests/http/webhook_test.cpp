#include "http/webhook.hpp"

#include <atomic>
#include <cstdio>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <string>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include "reelkeep/base/text.hpp"

#include "http/client.hpp"
#include "support/memory_journal.hpp"
#include "support/temp_dir.hpp"

using namespace reelkeep;
using namespace reelkeep::http;
using namespace reelkeep::testing;

namespace {

class StoppedClock final : public Clock {
 public:
  [[nodiscard]] Timestamp now() const override { return Timestamp(Duration(1'767'520'800'123)); }
  [[nodiscard]] MonotonicTime steady() const override { return MonotonicTime(Duration(5)); }
};

struct Intake {
  MemoryJournal journal;
  StoppedClock clock;
  std::unique_ptr<WebhookServer> webhook;

  explicit Intake(std::vector<Credential> users = {{"enablex", Secret("pass:word")}}) {
    auto started = WebhookServer::start(
        {.listen = "127.0.0.1:0", .users = std::move(users), .max_body = 64_KiB}, journal, clock);
    REQUIRE(started.has_value());
    webhook = std::move(started).value();
  }
  [[nodiscard]] const std::string& address() const { return webhook->server().address(); }
  [[nodiscard]] std::string url() const { return webhook->server().origin() + "/webhook"; }
};

std::string post(const std::string& body, const std::string& pair = "enablex:pass:word",
                 const std::string& line = "POST /webhook") {
  std::string request = line + " HTTP/1.1\r\nHost: h\r\n";
  if (!pair.empty()) request += "Authorization: Basic " + text::to_base64(pair) + "\r\n";
  return request + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

/// Bytes of every value, as a compressed body has them.
std::string binary(std::size_t size) {
  std::string bytes;
  for (std::size_t i = 0; i < size; ++i) bytes.push_back(static_cast<char>(i * 131 + i / 251));
  return bytes;
}

/// stderr goes into a file while this lives.
class CapturedLog {
 public:
  explicit CapturedLog(const std::string& file) : m_saved(::dup(2)) {
    std::fflush(stderr);
    const UniqueFd target(::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
    ::dup2(target.get(), 2);
  }
  ~CapturedLog() {
    std::fflush(stderr);
    ::dup2(m_saved.get(), 2);
  }

 private:
  UniqueFd m_saved;
};

std::size_t count_of(std::string_view text, std::string_view part) {
  std::size_t count = 0;
  for (auto at = text.find(part); at != std::string_view::npos; at = text.find(part, at + 1))
    ++count;
  return count;
}

}  // namespace

TEST_CASE("a delivery is stored byte for byte with where it came from, then answered 200") {
  Intake intake;
  const auto answer = ask(intake.address(),
                          "POST /webhook HTTP/1.1\r\nHost: h\r\n"
                          "Content-Type: text/odd; x=%41\r\n"
                          "Authorization: basic ZW5hYmxleDpwYXNzOndvcmQ=\r\n"
                          "Content-Length: 4\r\n\r\n{\"a\xff");
  CHECK(answer.status == 200);
  CHECK(answer.body == "{\"delivery\": 1, \"duplicate\": false}\n");
  CHECK(contains(answer.head, "Content-Type: application/json\r\n"));
  const auto entries = intake.journal.entries();
  REQUIRE(entries.size() == 1);
  CHECK(entries[0].kind == EntryKind::delivery);
  CHECK(entries[0].body == "{\"a\xff");
  CHECK(entries[0].user == "enablex");
  CHECK(entries[0].content_type == "text/odd; x=%41");
  CHECK(entries[0].remote.starts_with("127.0.0.1:"));
  CHECK(entries[0].received_at == intake.clock.now());
}

TEST_CASE("a repeated delivery is answered with the first one's number") {
  Intake intake;
  CHECK(ask(intake.address(), post("a")).status == 200);
  CHECK(ask(intake.address(), post("b")).status == 200);
  CHECK(ask(intake.address(), post("a")).body == "{\"delivery\": 1, \"duplicate\": true}\n");
  CHECK(intake.webhook->counters().stored == 2);
  CHECK(intake.webhook->counters().duplicate == 1);
}

TEST_CASE("an empty body is a body") {
  Intake intake;
  CHECK(ask(intake.address(), post("")).status == 200);
  REQUIRE(intake.journal.entries().size() == 1);
  CHECK(intake.journal.entries()[0].body.empty());
}

TEST_CASE("200 is answered only after the journal said so") {
  Intake intake;
  intake.journal.hold();
  RawClient client(intake.address());
  client.send(post("held"));
  intake.journal.wait_for_held();
  CHECK(ask(intake.address(), post("", "", "GET /elsewhere")).status == 404);
  char byte = 0;
  CHECK(::recv(client.descriptor(), &byte, 1, MSG_DONTWAIT) == -1);
  intake.journal.release();
  CHECK(client.read_answer().status == 200);
}

TEST_CASE("deliveries in the journal's hand are answered by a graceful stop") {
  Intake intake;
  intake.journal.hold();
  RawClient idle(intake.address());
  RawClient client(intake.address());
  client.send(post("held"));
  intake.journal.wait_for_held();
  std::thread stopper([&] { intake.webhook->stop(std::chrono::minutes(5)); });
  CHECK(idle.read_to_end().empty());
  intake.journal.release();
  CHECK(client.read_answer().status == 200);
  stopper.join();
}

TEST_CASE("the journal may call back after the server is gone") {
  Intake intake;
  intake.journal.hold();
  RawClient client(intake.address());
  client.send(post("held"));
  intake.journal.wait_for_held();
  intake.webhook.reset();
  intake.journal.release();
  CHECK(client.read_to_end().empty());
}

TEST_CASE("without the right pair nothing is stored and 401 asks for Basic") {
  Intake intake;
  const std::vector<std::string> wrong = {
      "",  "enablex:",         "enablex:wrong", "other:pass:word", "enablex", "enablex:pass:word ",
      ":", "Enablex:pass:word"};
  for (const auto& pair : wrong) {
    CAPTURE(pair);
    const auto answer = ask(intake.address(), post("x", pair));
    CHECK(answer.status == 401);
    CHECK(contains(answer.head, "WWW-Authenticate: Basic realm=\"reelkeep\"\r\n"));
  }
  for (const auto* value : {"Basic", "Basic !!!", "Bearer abc", "", "Basic \xff"})
    CHECK(ask(intake.address(), "POST /webhook HTTP/1.1\r\nHost: h\r\nAuthorization: " +
                                    std::string(value) + "\r\nContent-Length: 1\r\n\r\nx")
              .status == 401);
  CHECK(intake.journal.entries().empty());
  CHECK(intake.webhook->counters().unauthorized == wrong.size() + 5);
}

TEST_CASE("several pairs are valid at once, and users change while it runs") {
  Intake intake({{"old", Secret("1")}, {"new", Secret("2")}});
  CHECK(ask(intake.address(), post("a", "old:1")).status == 200);
  CHECK(ask(intake.address(), post("b", "new:2")).status == 200);
  intake.webhook->set_users({{"new", Secret("3")}});
  CHECK(ask(intake.address(), post("c", "old:1")).status == 401);
  CHECK(ask(intake.address(), post("c", "new:2")).status == 401);
  CHECK(ask(intake.address(), post("c", "new:3")).status == 200);
  CHECK(intake.journal.entries()[1].user == "new");
}

TEST_CASE("without users everyone may deliver") {
  Intake intake(std::vector<Credential>{});
  CHECK(ask(intake.address(), post("a", "")).status == 200);
  CHECK(ask(intake.address(), post("b", "who:ever")).status == 200);
  CHECK(intake.journal.entries()[1].user.empty());
}

TEST_CASE("another path is 404 and another method 405, whoever asks") {
  Intake intake;
  CHECK(ask(intake.address(), post("x", "", "POST /")).status == 404);
  CHECK(ask(intake.address(), post("x", "", "POST /webhook/")).status == 404);
  CHECK(ask(intake.address(), post("x", "enablex:pass:word", "POST /webhook?a=b")).status == 200);
  for (const auto* line : {"GET /webhook", "PUT /webhook", "DELETE /webhook", "BREW /webhook"}) {
    const auto answer = ask(intake.address(), post("", "enablex:pass:word", line));
    CHECK(answer.status == 405);
    CHECK(contains(answer.head, "Allow: POST\r\n"));
  }
}

TEST_CASE(
    "a journal that cannot be written is 503, said once in the log, and over when it is over") {
  Intake intake;
  const TempDir folder;
  {
    const CapturedLog captured(folder.path("log"));
    intake.journal.fail_with(Error{Errc::no_space, "disk full"});
    for (int i = 0; i < 3; ++i) {
      const auto answer = ask(intake.address(), post("x"));
      CHECK(answer.status == 503);
      CHECK(contains(answer.head, "Retry-After: 30\r\n"));
      CHECK_FALSE(contains(answer.body, "disk"));
    }
    intake.journal.fail_with(std::nullopt);
    CHECK(ask(intake.address(), post("x")).status == 200);
    CHECK(ask(intake.address(), post("y")).status == 200);
    intake.journal.fail_with(Error{Errc::unavailable, "gone", std::chrono::seconds(7)});
    CHECK(contains(ask(intake.address(), post("z")).head, "Retry-After: 7\r\n"));
  }
  const auto log = folder.read("log");
  CHECK(count_of(log, "the journal cannot be written") == 2);
  CHECK(count_of(log, "the journal can be written again") == 1);
  CHECK(contains(log, "disk full"));
  CHECK(intake.webhook->counters().failed == 4);
}

TEST_CASE("what curl sends is stored byte for byte, whatever it calls it") {
  Intake intake;
  const TempDir folder;
  const auto text = [] {
    std::string json = "{\"type\":\"recording\",\"pad\":\"";
    json.append(20480, '%').append("\"}");
    return json;
  }();
  const auto bytes = binary(50000);
  folder.write("text", text);
  folder.write("bytes", bytes);
  const auto curl = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), {"-u", "enablex:pass:word", intake.url()});
    return run_curl(arguments).output;
  };
  const auto last_body = [&] { return intake.journal.entries().back().body; };

  CHECK(curl({"-d", "@" + folder.path("text")}).ends_with("\n200"));
  CHECK(last_body() == text);
  CHECK(intake.journal.entries().back().content_type == "application/x-www-form-urlencoded");

  CHECK(curl({"-H", "Content-Encoding: gzip", "--data-binary", "@" + folder.path("bytes")})
            .ends_with("\n200"));
  CHECK(last_body() == bytes);

  CHECK(curl({"-F", "file=@" + folder.path("text"), "-F", "a=b"}).ends_with("\n200"));
  CHECK(last_body().starts_with("--"));
  CHECK(contains(last_body(), text));
  CHECK(last_body().ends_with("--\r\n"));
  CHECK(intake.journal.entries().back().content_type.starts_with("multipart/form-data; boundary="));

  CHECK(curl({"-X", "POST", "-H", "Transfer-Encoding: chunked", "-H", "Content-Encoding: br",
              "--data-binary", "@" + folder.path("bytes"), "-H", "X-Again: 1"})
            .ends_with("\n200"));
  CHECK(contains(curl({"-X", "POST", "-H", "Transfer-Encoding: chunked", "--data-binary",
                       "@" + folder.path("bytes")}),
                 "{\"delivery\": 2, \"duplicate\": true}"));
  CHECK(intake.journal.entries().size() == 3);
}

TEST_CASE("curl sees 413 for a body beyond the limit, whatever its framing") {
  Intake intake;
  const TempDir folder;
  const auto file = folder.write("big", binary(3 << 20));
  const std::vector<std::vector<std::string>> ways = {
      {"--data-binary", "@" + file},
      {"-H", "Expect:", "--data-binary", "@" + file},
      {"-H", "Transfer-Encoding: chunked", "--data-binary", "@" + file},
      {"-H", "Transfer-Encoding: chunked", "-H", "Expect:", "--data-binary", "@" + file},
      {"-H", "Content-Encoding: gzip", "-H", "Expect:", "--data-binary", "@" + file},
      {"-H", "Expect:", "-F", "f=@" + file},
      {"-0", "--data-binary", "@" + file}};
  for (auto way : ways) {
    way.insert(way.end(), {"-X", "POST", "-u", "enablex:pass:word", intake.url()});
    CAPTURE(way[1]);
    CHECK(run_curl(way).output.ends_with("\n413"));
  }
  CHECK(intake.webhook->counters().too_large == ways.size());
  CHECK(intake.journal.entries().empty());
}

TEST_CASE("a flood of wrong passwords does not keep honest deliveries from being stored") {
  Intake intake;
  std::atomic<bool> stop{false};
  std::vector<std::thread> attackers;
  for (int i = 0; i < 8; ++i)
    attackers.emplace_back([&] {
      RawClient client(intake.address());
      std::string burst;
      for (int k = 0; k < 50; ++k) burst += post("x", "enablex:guess");
      while (!stop) {
        client.send(burst);
        for (int k = 0; k < 50; ++k) client.read_answer();
      }
    });
  RawClient honest(intake.address());
  for (int i = 0; i < 100; ++i) {
    honest.send(post("honest " + std::to_string(i)));
    CHECK(honest.read_answer().status == 200);
  }
  stop = true;
  for (auto& attacker : attackers) attacker.join();
  CHECK(intake.journal.entries().size() == 100);
  CHECK(intake.webhook->counters().unauthorized > 0);
}

TEST_CASE("a path that cannot be reached is refused at the start") {
  MemoryJournal journal;
  const StoppedClock clock;
  const auto webhook =
      WebhookServer::start({.listen = "127.0.0.1:0", .path = "webhook"}, journal, clock);
  REQUIRE_FALSE(webhook.has_value());
  CHECK(webhook.error().code == Errc::invalid);
}
