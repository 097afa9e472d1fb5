#include "reelkeep/base/safe_name.hpp"

#include <cstdint>
#include <doctest/doctest.h>
#include <utility>
#include <vector>

#include "reelkeep/base/text.hpp"

using namespace reelkeep;

namespace {

/// What every safe name keeps, whatever it was made of.
void check_promises(const std::string& safe) {
  CAPTURE(safe);
  CHECK_FALSE(safe.empty());
  CHECK(safe.size() <= 200);
  CHECK(text::is_valid_utf8(safe));
  CHECK(text::printable(safe) == safe);
  CHECK(safe.find_first_of("<>:\"/\\|?*") == std::string::npos);
  CHECK(safe.front() != '.');
  CHECK(safe.front() != ' ');
  CHECK(safe.back() != '.');
  CHECK(safe.back() != ' ');
  CHECK(text::fold_name(safe) != "manifest-sha256.txt");
  CHECK(safe_name(safe) == safe);
}

const std::vector<std::pair<std::string, std::string>> k_corpus{
    {"file1.mov", "file1.mov"},
    {"with space.mov", "with space.mov"},
    {"a+b&c=d;e,f'g(h)[i]{j}~k!#$%^@.mp4", "a+b&c=d;e,f'g(h)[i]{j}~k!#$%^@.mp4"},
    {"-rf", "-rf"},
    {"", "_"},
    {".", "_"},
    {"..", "_"},
    {"...", "_"},
    {" ", "_"},
    {". .", "_"},
    {" . ", "_"},
    {"../../etc/passwd", "_._.._etc_passwd"},
    {"/etc/passwd", "_etc_passwd"},
    {"..\\..\\windows\\system32", "_._.._windows_system32"},
    {"C:\\x", "C__x"},
    {"a/b", "a_b"},
    {"<>:\"/\\|?*", "_________"},
    {"stream:alternate", "stream_alternate"},
    {".hidden", "_hidden"},
    {".reelkeep-archive", "_reelkeep-archive"},
    {".staging", "_staging"},
    {"..a", "_.a"},
    {"  lead.mov", "lead.mov"},
    {"trail.mov  ", "trail.mov"},
    {"trail.mov. . .", "trail.mov"},
    {"a..b", "a..b"},
    {"CON", "_CON"},
    {"con.mov", "_con.mov"},
    {"Con .mov", "_Con .mov"},
    {"PRN.a.b", "_PRN.a.b"},
    {"aux", "_aux"},
    {"NUL.txt", "_NUL.txt"},
    {"nul.", "_nul"},
    {" nul", "_nul"},
    {"COM1", "_COM1"},
    {"com9.mkv", "_com9.mkv"},
    {"LPT0", "_LPT0"},
    {"COM\xC2\xB9.x", "_COM\xC2\xB9.x"},
    {"CONIN$", "_CONIN$"},
    {"clock$.txt", "_clock$.txt"},
    {"COM10", "COM10"},
    {"CONSOLE", "CONSOLE"},
    {"COM", "COM"},
    {"manifest-sha256.txt", "_manifest-sha256.txt"},
    {"Manifest-SHA256.TXT", "_Manifest-SHA256.TXT"},
    {"manife\xC5\xBFt-sha256.txt", "_manife\xC5\xBFt-sha256.txt"},  // long s folds to s
    {"manifest-sha256.txt.", "_manifest-sha256.txt"},
    {"manifest-sha256.txt2", "manifest-sha256.txt2"},
    {"line\nbreak\r\t\x1B[31m\x7F.mov", "line_break___[31m_.mov"},
    {std::string("nul\0byte.mov", 12), "nul_byte.mov"},
    {"c1\xC2\x85\xC2\x9B.mov", "c1__.mov"},
    {"gpj.\xE2\x80\xAE"
     "exe",
     "gpj._exe"},
    {"\xE2\x81\xA6x\xE2\x81\xA9", "_x_"},
    {"zero\xE2\x80\x8Bwidth\xEF\xBB\xBF", "zero_width_"},
    {"line\xE2\x80\xA8sep", "line_sep"},
    {"non\xEF\xBF\xBE"
     "char\xEF\xB7\x90",
     "non_char_"},
    {"\xFF\xFE.mov", "__.mov"},
    {"over\xC0\xAFlong", "over__long"},
    {"cut\xE2\x82", "cut__"},
    {"half\xED\xA0\x80", "half___"},
    {"a\xCC\x88.mov", "\xC3\xA4.mov"},
    {"\xC3\xA4.mov", "\xC3\xA4.mov"},
    {"\xE4\xBC\x9A\xE8\xAD\xB0.mp4", "\xE4\xBC\x9A\xE8\xAD\xB0.mp4"},
    {"\xF0\x9F\x8E\xA5.webm", "\xF0\x9F\x8E\xA5.webm"},
    {"\xD9\x85\xE2\x80\x8C\xD9\x86", "\xD9\x85\xE2\x80\x8C\xD9\x86"},  // joiners are spelling
    {"<\xCC\xB8.mov", "\xE2\x89\xAE.mov"},                             // composes to not-less-than
};

}  // namespace

TEST_CASE("names from the network become what every filesystem takes") {
  for (const auto& [name, expected] : k_corpus) {
    CAPTURE(name);
    CHECK(safe_name(name) == expected);
    check_promises(safe_name(name));
  }
}

TEST_CASE("a long name is cut before its extension and never inside a character") {
  CHECK(safe_name(std::string(300, 'a') + ".mov") == std::string(196, 'a') + ".mov");
  CHECK(safe_name(std::string(200, 'a')) == std::string(200, 'a'));
  CHECK(safe_name(std::string(201, 'a')) == std::string(200, 'a'));

  std::string wide;
  for (int i = 0; i < 100; ++i) wide += "\xE4\xBC\x9A";
  const std::string cut = safe_name(wide + ".mov");
  CHECK(cut.size() == 199);
  CHECK(cut.ends_with("\x9A.mov"));
  check_promises(cut);

  const std::string sentence = "a." + std::string(400, 'b');
  CHECK(safe_name(sentence) == sentence.substr(0, 200));
  CHECK(safe_name(std::string(199, 'a') + ". ." + std::string(100, 'b')) == std::string(199, 'a'));
  CHECK(safe_name("CON." + std::string(400, 'b')) == "_CON." + std::string(195, 'b'));
  CHECK(safe_name("abcdefgh.mov", 8) == "abcd.mov");
}

TEST_CASE("whatever the bytes are, the promises hold") {
  // Fragments that matter in every order of three, and bytes of a fixed sequence.
  const std::vector<std::string> parts{".",
                                       " ",
                                       "/",
                                       "\\",
                                       "CON",
                                       "\xFF",
                                       "\xE2\x80\xAE",
                                       "a",
                                       "\xCC\x88",
                                       std::string(1, '\0'),
                                       std::string(150, 'z'),
                                       ".mov",
                                       "manifest-sha256.txt",
                                       "\xE4\xBC\x9A"};
  for (const std::string& a : parts)
    for (const std::string& b : parts)
      for (const std::string& c : parts) check_promises(safe_name(a + b + c));

  std::uint32_t state = 12345;
  for (int round = 0; round < 2000; ++round) {
    std::string name;
    for (int i = 0; i < round % 260; ++i) {
      state = state * 1664525U + 1013904223U;
      name += static_cast<char>(state >> 24U);
    }
    check_promises(safe_name(name));
  }
}

TEST_CASE("a suffix goes between stem and extension within the limit") {
  CHECK(with_suffix("file1.mov", "~3fa9c1") == "file1~3fa9c1.mov");
  CHECK(with_suffix("file1", "~3fa9c1") == "file1~3fa9c1");
  CHECK(with_suffix("a.tar.gz", "~1") == "a.tar~1.gz");
  const std::string longest = safe_name(std::string(300, 'a') + ".mov");
  CHECK(with_suffix(longest, "~3fa9c1") == std::string(189, 'a') + "~3fa9c1.mov");
  std::string wide;
  for (int i = 0; i < 66; ++i) wide += "\xE4\xBC\x9A";
  const std::string suffixed = with_suffix(wide, "~3fa9c1");
  CHECK(suffixed.size() <= 200);
  check_promises(suffixed);
}
