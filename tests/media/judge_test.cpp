#include "media/judge.hpp"

#include <algorithm>
#include <array>
#include <doctest/doctest.h>
#include <string>
#include <string_view>

#include "media/sniff.hpp"
#include "memory.hpp"

using namespace reelkeep;
using namespace reelkeep::media;
using namespace std::string_literals;

namespace {

constexpr auto k_picture = Expectation::moving_picture;
constexpr auto k_other = Expectation::anything_but_html;

std::string utf16(std::string_view ascii, bool big, bool mark) {
  std::string out = !mark ? "" : big ? "\xFE\xFF" : "\xFF\xFE";
  for (const char c : ascii) out += big ? std::string{'\0', c} : std::string{c, '\0'};
  return out;
}

}  // namespace

TEST_CASE("an HTML page is refused for every kind, however it is dressed") {
  const std::string page = "<html><body>log in</body></html>";
  const std::array pages = {
      page,
      "<!doctype html>\n<title>x</title>"s,
      "<!DOCTYPE HTML PUBLIC \"-//W3C//DTD HTML 4.01//EN\">"s,
      "\n\t  <HTML lang=en>"s,
      "\xEF\xBB\xBF<html>"s,
      "\xEF\xBB\xBF\xEF\xBB\xBF \r\n<html>"s,
      "<!-- a\n comment --><!-- another -->\n<Html>"s,
      "<!--" + std::string(20'000, '-') + " long -->" + page,
      "<?xml version=\"1.0\"?>\n<!DOCTYPE html PUBLIC \"-//W3C//DTD XHTML 1.0 Strict//EN\">"s,
      "<?xml version=\"1.0\"?><html xmlns=\"http://www.w3.org/1999/xhtml\">"s,
      "<?xml version=\"1.0\"?><x:html xmlns:x=\"http://www.w3.org/1999/xhtml\">"s,
      "<!DOCTYPE foo [ <!ENTITY a \">\"> ]><html>"s,
      "<head><title>Sign in</title>"s,
      "<body>403</body>"s,
      "<script>location='/login'</script>"s,
      "<title>404</title>"s,
      "<h1>Not Found</h1>"s,
      "<br />\n<b>Fatal error</b>: out of memory"s,
      "<meta http-equiv=refresh content=0>"s,
      "<html"s,
      utf16(page, false, true),
      utf16(page, true, true),
      utf16(page, false, false),
      utf16(page, true, false),
      page + std::string("\0\1\2\3", 4) + std::string(5000, '\xF7'),
      // What the first 4 KiB do not tell.
      std::string(6000, ' ') + page,
      "<!--" + std::string(6000, '\1') + "-->" + page,
      utf16(std::string(6000, ' ') + page, true, false),
      utf16("<!--" + std::string(6000, '-') + "-->" + page, false, true),
  };
  for (const std::string& bytes : pages) {
    CAPTURE(bytes.substr(0, 60));
    CHECK(verdict(k_picture, bytes) == "an HTML page instead of a recording");
    CHECK(verdict(k_other, bytes) == "an HTML page instead of the file");
  }
}

TEST_CASE("an XML document is no recording, but a fine transcript") {
  const std::array documents = {
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>AccessDenied</Code></Error>"s,
      "<Error><Code>NoSuchKey</Code></Error>"s,
      "<?xml version=\"1.0\"?><!-- ttml --><tt xml:lang=\"en\"/>"s,
      "<!DOCTYPE svg PUBLIC \"-//W3C//DTD SVG 1.1//EN\"><svg/>"s,
      "<?xml version=\"1.0\"?><title>metadata</title>"s,
      utf16("<?xml version=\"1.0\"?><a/>", false, true),
  };
  for (const std::string& bytes : documents) {
    CAPTURE(bytes.substr(0, 60));
    CHECK(verdict(k_picture, bytes) == "an XML document instead of a recording");
    CHECK(verdict(k_other, bytes).empty());
  }
}

TEST_CASE("a JSON document is no recording, but a fine chat") {
  const std::array documents = {
      "{\"result\": 4001, \"error\": \"no such file\"}"s,
      "\xEF\xBB\xBF \n{ \"a\" : 1}"s,
      "[]"s,
      "[{\"at\": 1}]"s,
      "{'lax': true}"s,
      "{\"result\": 1}"s + std::string(64, '\0'),
      utf16("{\"a\": \"b\"}", true, true),
  };
  for (const std::string& bytes : documents) {
    CAPTURE(bytes.substr(0, 60));
    CHECK(verdict(k_picture, bytes) == "a JSON document instead of a recording");
    CHECK(verdict(k_other, bytes).empty());
  }
}

TEST_CASE("plain text is no recording, but a fine transcript") {
  std::string long_text;
  while (long_text.size() < 70'000) long_text += "d\xC3\xA9j\xC3\xA0 vu \xE2\x82\xAC\n";
  const std::array texts = {
      "Not Found"s,
      "x"s,
      " \r\n"s,
      "[00:00:01] Speaker: hello"s.substr(1),
      "WEBVTT\n\n00:01.000 --> 00:02.000\nhi"s,
      "<b> hi, I am b"s.substr(4),
      "\x1B[31mdenied\x1B[0m"s,
      "caf\xC3\xA9"s,
      "Acc\xE8s refus\xE9: les enregistrements de cette session ne sont pas encore pr\xEAts, d\xE9sol\xE9."s,
      utf16("Not Found", false, false),
      long_text,
      std::string(1, 'x') + long_text,
      std::string(2, 'x') + long_text,
      std::string(3, 'x') + long_text,
  };
  for (const std::string& bytes : texts) {
    CAPTURE(bytes.substr(0, 60));
    CHECK(verdict(k_picture, bytes) == "plain text instead of a recording");
    CHECK(verdict(k_other, bytes).empty());
  }
}

TEST_CASE("a chat line that begins with a short name in angle brackets is no HTML") {
  CHECK(verdict(k_other, "<b> hi\n<a> hello\n").empty());
  CHECK(verdict(k_other, "<alice> hi\n").empty());
  CHECK(verdict(k_other, "<headmaster> hi\n").empty());
  CHECK(verdict(k_other, "look at this: <html>").empty());
  CHECK(verdict(k_other, "{\"text\": \"<html>\"}").empty());
}

TEST_CASE("an empty recording is refused, an empty chat is accepted") {
  CHECK(verdict(k_picture, "") == "an empty body instead of a recording");
  CHECK(verdict(k_other, "").empty());
}

TEST_CASE("unknown binary is accepted for every kind") {
  std::string noise;
  for (unsigned n = 0; n < 9000; ++n) noise += static_cast<char>(n * 2654435761U >> 23U);
  const std::array bodies = {
      noise,
      "OggS\0\2"s + noise,
      "RIFF\x10\0\0\0AVI LIST"s,
      "FLV\1\5"s,
      "G\x40\0\x10\0\0\xB0\x0D"s,
      std::string(1, '\0'),
      std::string(100'000, '\0'),
      "\xFF\xFB\x90\x64"s + noise,
      "\xFF\xFE\x01\xD8"s + noise,  // a UTF-16 mark before what is no UTF-16
      "text first, then not \x01"s,
      "\x80\x81\x82"s,
  };
  for (const std::string& bytes : bodies) {
    CAPTURE(bytes.substr(0, 20));
    CHECK(verdict(k_picture, bytes).empty());
    CHECK(verdict(k_other, bytes).empty());
  }
}

TEST_CASE("of a recording no more is read than shows that it is none of text") {
  const auto bytes_read = [](std::string body) {
    std::size_t most = 0;
    const ByteCount size(body.size());
    const ReadAt counting = [&, from = reader(std::move(body))](ByteCount offset,
                                                                std::span<std::byte> into) {
      most = std::max<std::size_t>(most, offset.get() + into.size());
      return from(offset, into);
    };
    CHECK(judge(k_picture, size, counting));
    return most;
  };
  CHECK(bytes_read(std::string(200'000, '\xF7')) == k_sniffed);
  CHECK(bytes_read("OggS\0\2"s + std::string(200'000, '\xF7')) == k_glanced);
}

TEST_CASE("an error of the reader is handed on as it is") {
  const ReadAt broken = [](ByteCount, std::span<std::byte>) {
    return Result<std::size_t>(Error{Errc::unavailable, "the disk is gone"});
  };
  const Status status = judge(k_picture, ByteCount(10), broken);
  REQUIRE_FALSE(status);
  CHECK(status.error().code == Errc::unavailable);
}

TEST_CASE("bytes that end before their size are corrupt") {
  const Status status = judge(k_picture, ByteCount(100), reader(std::string(40, '\0')));
  REQUIRE_FALSE(status);
  CHECK(status.error().code == Errc::corrupt);
  CHECK(status.error().message == "a truncated file: it ends at byte 40 of 100");
}

TEST_CASE("a reader that gives one byte at a time gets the same verdict") {
  const std::string page = "  <!doctype html>";
  const ReadAt slow = [&page](ByteCount offset, std::span<std::byte> into) {
    into[0] = static_cast<std::byte>(page[offset.get()]);
    return Result<std::size_t>(std::size_t{1});
  };
  CHECK_FALSE(judge(k_other, ByteCount(page.size()), slow));
}
