#include <rapidjson/error/en.h>
#include <rapidjson/memorystream.h>
#include <rapidjson/reader.h>
#include <utility>

#include "reelkeep/base/text.hpp"

#include "json/value.hpp"

namespace reelkeep::json {
namespace {

// Iterative, because the recursive parser lets 300 KB of '[' overflow the stack. Numbers as text,
// because ids may come as numbers and must not be rounded.
constexpr unsigned k_flags = rapidjson::kParseIterativeFlag | rapidjson::kParseCommentsFlag |
                             rapidjson::kParseTrailingCommasFlag |
                             rapidjson::kParseValidateEncodingFlag |
                             rapidjson::kParseNumbersAsStringsFlag;

/// RapidJSON counts in 32 bits.
constexpr std::size_t k_size_limit = std::size_t{1} << 30U;

constexpr std::string_view k_byte_order_mark = "\xEF\xBB\xBF";

/// Builds the tree from the reader's events. Returning false stops the reader; `problem` says why.
class TreeBuilder {
 public:
  using Ch = char;

  bool Null() { return add(Value()); }
  bool Bool(bool boolean) { return add(Value(boolean)); }
  bool RawNumber(const char* text, rapidjson::SizeType size, bool) {
    return add(Value::of_number(std::string(text, size)));
  }
  bool String(const char* text, rapidjson::SizeType size, bool) {
    std::string string(text, size);
    return is_text(string) && add(Value::of_string(std::move(string)));
  }
  bool StartObject() { return open(Value::Kind::object); }
  bool Key(const char* text, rapidjson::SizeType size, bool) {
    m_open.back().key.assign(text, size);
    return is_text(m_open.back().key);
  }
  bool EndObject(rapidjson::SizeType) {
    Container container = close();
    return add(Value::of_object(std::move(container.members)));
  }
  bool StartArray() { return open(Value::Kind::array); }
  bool EndArray(rapidjson::SizeType) {
    Container container = close();
    return add(Value::of_array(std::move(container.items)));
  }
  // Never called: numbers come as text.
  bool Int(int) { return false; }
  bool Uint(unsigned) { return false; }
  bool Int64(std::int64_t) { return false; }
  bool Uint64(std::uint64_t) { return false; }
  bool Double(double) { return false; }

  [[nodiscard]] std::string_view problem() const noexcept { return m_problem; }
  Value take() { return std::move(m_root); }

 private:
  struct Container {
    Value::Kind kind;
    std::vector<Value> items;
    std::vector<Member> members;
    std::string key;  ///< of the member whose value comes next
  };

  bool open(Value::Kind kind) {
    if (m_open.size() == k_depth_limit) {
      m_problem = "nested deeper than 64 levels";
      return false;
    }
    m_open.push_back(Container{kind, {}, {}, {}});
    return true;
  }
  Container close() {
    Container container = std::move(m_open.back());
    m_open.pop_back();
    return container;
  }
  bool add(Value value) {
    if (m_open.empty())
      m_root = std::move(value);
    else if (Container& container = m_open.back(); container.kind == Value::Kind::array)
      container.items.push_back(std::move(value));
    else
      container.members.push_back(Member{std::move(container.key), std::move(value)});
    return true;
  }
  /// The reader checks raw bytes, but lets an escaped lone low surrogate through.
  bool is_text(std::string_view string) {
    if (text::is_valid_utf8(string)) return true;
    m_problem = "a string that is not valid Unicode";
    return false;
  }

  std::vector<Container> m_open;
  Value m_root;
  std::string_view m_problem;
};

/// RapidJSON's own sentence, as part of one of ours: lower case, no full stop.
std::string phrase(rapidjson::ParseErrorCode code) {
  if (code == rapidjson::kParseErrorDocumentEmpty) return "empty, there is no value";
  std::string sentence = rapidjson::GetParseError_En(code);
  if (!sentence.empty() && sentence.back() == '.') sentence.pop_back();
  if (sentence.starts_with("JSON")) return sentence;
  if (!sentence.empty()) sentence.front() = text::lower(sentence.substr(0, 1)).front();
  return sentence;
}

Error error_at(std::string_view problem, std::string_view text, std::size_t offset) {
  const std::string_view before = text.substr(0, offset);
  std::size_t line = 1;
  for (const char c : before) line += c == '\n' ? 1U : 0U;
  const std::size_t newline = before.rfind('\n');
  const std::size_t column =
      newline == std::string_view::npos ? before.size() + 1 : before.size() - newline;
  return Error{Errc::invalid, "not JSON: " + std::string(problem) + " (line " +
                                  std::to_string(line) + ", column " + std::to_string(column) +
                                  ", offset " + std::to_string(offset) + ")"};
}

}  // namespace

Result<Value> parse(std::string_view text) {
  if (text.size() > k_size_limit) return Error{Errc::invalid, "not JSON: more than 1 GiB"};
  const std::size_t skipped = text.starts_with(k_byte_order_mark) ? k_byte_order_mark.size() : 0;
  const std::string_view document = text.substr(skipped);

  rapidjson::MemoryStream stream(document.data(), document.size());
  rapidjson::Reader reader;
  TreeBuilder builder;
  const rapidjson::ParseResult result = reader.Parse<k_flags>(stream, builder);
  // The reader takes a NUL byte for the end.
  const std::size_t stopped_at = stream.Tell();
  if (stopped_at < document.size() && document[stopped_at] == '\0')
    return error_at("a NUL byte", text, skipped + stopped_at);
  if (result.IsError()) {
    return error_at(
        builder.problem().empty() ? phrase(result.Code()) : std::string(builder.problem()), text,
        skipped + result.Offset());
  }
  return builder.take();
}

}  // namespace reelkeep::json
