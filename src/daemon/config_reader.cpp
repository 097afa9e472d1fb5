#include "daemon/config_reader.hpp"

#include <algorithm>
#include <filesystem>
#include <tuple>
#include <utility>

#include "reelkeep/base/text.hpp"

namespace reelkeep::daemon {
namespace {

std::vector<Problem> sorted(std::vector<Problem> problems) {
  std::stable_sort(problems.begin(), problems.end(), [](const Problem& a, const Problem& b) {
    return std::tie(a.line, a.column) < std::tie(b.line, b.column);
  });
  return problems;
}

void wrong_type(const Slot& slot, std::string_view expected) {
  slot.problem(std::string(slot.key) + " is " + std::string(noun(slot.node.kind)) + ", expected " +
               std::string(expected));
}

void wrong_value(const Slot& slot, const std::string& why, std::string hint = "") {
  slot.problem(std::string(slot.key) + ": " + why, std::move(hint));
}

bool has_control_character(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

}  // namespace

Reader::Reader(const std::string& file, const Environment& environment)
    : m_file(file), m_environment(environment) {
  std::error_code ignored;  // without a current directory relative paths stay relative
  const std::filesystem::path path = std::filesystem::absolute(file, ignored);
  m_directory = path.parent_path().string();
}

void Reader::problem(Position at, std::string message, std::string hint, Errc code) {
  m_problems.push_back(
      Problem{m_file, at.line, at.column, std::move(message), std::move(hint), code});
}

void Reader::warning(Position at, std::string message, std::string hint) {
  m_warnings.push_back(
      Problem{m_file, at.line, at.column, std::move(message), std::move(hint), Errc::invalid});
}

Position Reader::at(const std::string& path) const {
  for (std::string place = path; !place.empty();) {
    if (const auto found = m_places.find(place); found != m_places.end()) return found->second;
    const std::size_t dot = place.rfind('.');
    place.resize(dot == std::string::npos ? 0 : dot);
  }
  return Position{};
}

std::string Reader::absolute(std::string_view path) const {
  std::string whole = (std::filesystem::path(m_directory) / std::filesystem::path(path))
                          .lexically_normal()
                          .string();
  while (whole.size() > 1 && whole.back() == '/') whole.pop_back();
  return whole;
}

std::vector<Problem> Reader::take_problems() {
  return sorted(std::move(m_problems));
}
std::vector<Problem> Reader::take_warnings() {
  return sorted(std::move(m_warnings));
}

std::optional<std::int64_t> read_integer(const Slot& slot, std::int64_t least, std::int64_t most) {
  const std::string expected =
      "an integer from " + std::to_string(least) + " to " + std::to_string(most);
  if (slot.node.kind != Node::Kind::integer) {
    wrong_type(slot, expected);
    return std::nullopt;
  }
  if (slot.node.number < least || slot.node.number > most) {
    slot.problem(std::string(slot.key) + " is " + std::to_string(slot.node.number) + ", expected " +
                 expected);
    return std::nullopt;
  }
  return slot.node.number;
}

std::optional<bool> read_flag(const Slot& slot) {
  if (slot.node.kind == Node::Kind::boolean) return slot.node.flag;
  wrong_type(slot, "true or false");
  return std::nullopt;
}

std::optional<std::string> read_text(const Slot& slot, std::string_view expected) {
  if (slot.node.kind != Node::Kind::string) {
    wrong_type(slot, expected);
    return std::nullopt;
  }
  if (slot.node.text.empty()) {
    slot.problem(std::string(slot.key) + " is empty, expected " + std::string(expected),
                 "leave the line out to get the default");
    return std::nullopt;
  }
  if (has_control_character(slot.node.text)) {
    wrong_value(slot, "control characters are not allowed");
    return std::nullopt;
  }
  return slot.node.text;
}

std::optional<Duration> read_duration(const Slot& slot, Duration least, Duration most) {
  constexpr std::string_view k_expected =
      R"(a duration such as "500ms", "90s", "15m", "72h", "30d")";
  const auto text = read_text(slot, k_expected);
  if (!text) return std::nullopt;
  const auto duration = parse_duration(*text);
  if (!duration) {
    slot.problem(std::string(slot.key) + " is \"" + text::printable(*text) + "\", expected " +
                 std::string(k_expected));
    return std::nullopt;
  }
  if (*duration < least || *duration > most) {
    slot.problem(std::string(slot.key) + " is \"" + text::printable(*text) + "\", expected " +
                 to_string(least) + " to " + to_string(most));
    return std::nullopt;
  }
  return *duration;
}

std::optional<ByteCount> read_bytes(const Slot& slot, ByteCount least, ByteCount most) {
  constexpr std::string_view k_expected = R"(a size such as "512KiB", "1GiB" or plain bytes)";
  std::optional<ByteCount> bytes;
  if (slot.node.kind == Node::Kind::integer && slot.node.number >= 0) {
    bytes = ByteCount(static_cast<std::uint64_t>(slot.node.number));
  } else if (slot.node.kind == Node::Kind::integer) {
    wrong_value(slot, "a size is never negative");
    return std::nullopt;
  } else {
    const auto text = read_text(slot, k_expected);
    if (!text) return std::nullopt;
    const auto parsed = parse_byte_count(*text);
    if (!parsed) {
      slot.problem(std::string(slot.key) + " is \"" + text::printable(*text) + "\", expected " +
                   std::string(k_expected));
      return std::nullopt;
    }
    bytes = *parsed;
  }
  if (*bytes < least || *bytes > most) {
    slot.problem(std::string(slot.key) + " is " + to_string(*bytes) + ", expected " +
                 to_string(least) + " to " + to_string(most));
    return std::nullopt;
  }
  return bytes;
}

std::optional<std::size_t> read_word(const Slot& slot, const std::vector<std::string>& words) {
  std::string expected;
  for (const std::string& word : words)
    expected += (expected.empty() ? "\"" : ", \"") + word + "\"";
  if (words.size() > 1) expected = "one of " + expected;
  const auto text = read_text(slot, expected);
  if (!text) return std::nullopt;
  const auto found = std::find(words.begin(), words.end(), *text);
  if (found != words.end()) return static_cast<std::size_t>(found - words.begin());
  slot.problem(
      std::string(slot.key) + " is \"" + text::printable(*text) + "\", expected " + expected,
      did_you_mean(*text, words));
  return std::nullopt;
}

std::optional<std::vector<std::string>> read_texts(const Slot& slot) {
  if (slot.node.kind != Node::Kind::array) {
    wrong_type(slot, "an array of texts");
    return std::nullopt;
  }
  std::vector<std::string> texts;
  for (const Node& item : slot.node.items) {
    const Slot inner{item, slot.key, slot.block, slot.path, slot.reader};
    auto text = read_text(inner);
    if (!text) continue;  // reported; the others are looked at too
    if (std::find(texts.begin(), texts.end(), *text) != texts.end())
      wrong_value(inner, "\"" + text::printable(*text) + "\" stands there twice");
    texts.push_back(*std::move(text));
  }
  return texts;
}

std::optional<ListenAddress> read_listen(const Slot& slot) {
  const auto text = read_text(slot, R"(an address such as "127.0.0.1:8080")");
  if (!text) return std::nullopt;
  auto address = ListenAddress::parse(*text);
  if (address) return *std::move(address);
  wrong_value(slot, address.error().message);
  return std::nullopt;
}

std::optional<std::vector<HostPattern>> read_hosts(const Slot& slot) {
  const auto texts = read_texts(slot);
  if (!texts) return std::nullopt;
  std::vector<HostPattern> hosts;
  for (const std::string& text : *texts) {
    auto pattern = HostPattern::parse(text);
    if (pattern)
      hosts.push_back(*std::move(pattern));
    else
      wrong_value(slot, pattern.error().message);
  }
  return hosts;
}

std::string did_you_mean(std::string_view word, const std::vector<std::string>& known) {
  const auto nearest = text::nearest(word, known);
  return nearest ? "did you mean \"" + *nearest + "\"?" : "";
}

}  // namespace reelkeep::daemon
