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
                             rapidjson::kParseNumbersAsStringsFlag;
/// To say where a text that is not all UTF-8 goes wrong: the reader takes each byte on its own
/// then.
constexpr unsigned k_validating_flags = k_flags | rapidjson::kParseValidateEncodingFlag;

/// RapidJSON counts in 32 bits.
constexpr std::size_t k_size_limit = std::size_t{1} << 30U;

/// An event or a record of ours hardly ever has more.
constexpr std::size_t k_usual_members = 20;

constexpr std::string_view k_too_deep = "nested deeper than 64 levels";
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
      m_problem = k_too_deep;
      return false;
    }
    m_open.push_back(Container{kind, {}, {}, {}});
    // Of the outermost alone: a stranger's document may be full of small ones.
    if (m_open.size() == 1) m_open.back().members.reserve(k_usual_members);
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

/// Hands everything on to a TreeBuilder but one member of the outermost object, whose objects it
/// notes. Of iterative parsing: a start is told before its bracket is taken, and an end too.
class ItemSplitter {
 public:
  using Ch = char;
  ItemSplitter(std::string_view key, std::string_view document,
               const rapidjson::MemoryStream& stream)
      : m_key(key), m_document(document), m_stream(stream) {}

  bool Null() {
    return scalar([&] { return m_tree.Null(); });
  }
  bool Bool(bool boolean) {
    return scalar([&] { return m_tree.Bool(boolean); });
  }
  bool RawNumber(const char* text, rapidjson::SizeType size, bool copy) {
    return scalar([&] { return m_tree.RawNumber(text, size, copy); });
  }
  bool String(const char* text, rapidjson::SizeType size, bool copy) {
    return scalar([&] { return m_tree.String(text, size, copy); });
  }
  bool Key(const char* text, rapidjson::SizeType size, bool copy) {
    if (m_depth == 1) m_inside = std::string_view(text, size) == m_key;
    return m_inside || m_tree.Key(text, size, copy);
  }
  bool StartObject() {
    // Directly in the member, or in the list that it is.
    if (m_inside && !m_item && (m_depth == 1 || (m_depth == 2 && m_list)))
      m_item = Item{m_stream.Tell(), m_depth};
    return start([&] { return m_tree.StartObject(); });
  }
  bool EndObject(rapidjson::SizeType members) {
    --m_depth;
    if (m_item && m_item->depth == m_depth) {
      m_items.push_back(m_document.substr(m_item->begin, m_stream.Tell() + 1 - m_item->begin));
      m_item.reset();
    }
    return (m_inside && m_depth > 0) || m_tree.EndObject(members);
  }
  bool StartArray() {
    if (m_inside && m_depth == 1) m_list = true;
    return start([&] { return m_tree.StartArray(); });
  }
  bool EndArray(rapidjson::SizeType items) {
    --m_depth;
    if (m_depth == 1) m_list = false;
    return (m_inside && m_depth > 0) || m_tree.EndArray(items);
  }
  // Never called: numbers come as text.
  bool Int(int) { return false; }
  bool Uint(unsigned) { return false; }
  bool Int64(std::int64_t) { return false; }
  bool Uint64(std::uint64_t) { return false; }
  bool Double(double) { return false; }

  [[nodiscard]] std::string_view problem() const noexcept {
    return m_too_deep ? k_too_deep : m_tree.problem();
  }
  SplitItems take() { return {std::move(m_items), m_tree.take()}; }

 private:
  struct Item {
    std::size_t begin;
    std::size_t depth;  ///< around it
  };

  template <class Hand>
  bool scalar(const Hand& hand) {
    return m_inside || hand();
  }
  template <class Hand>
  bool start(const Hand& hand) {
    m_too_deep = m_depth == k_depth_limit;
    if (m_too_deep) return false;
    ++m_depth;
    return m_inside || hand();
  }

  const std::string_view m_key;
  const std::string_view m_document;
  const rapidjson::MemoryStream& m_stream;
  TreeBuilder m_tree;
  std::vector<std::string_view> m_items;
  std::size_t m_depth = 0;
  bool m_inside = false;  ///< in the member
  bool m_list = false;    ///< the member is a list
  bool m_too_deep = false;
  std::optional<Item> m_item;
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

/// Runs the reader over the text; `make` gives the handler of its events for document and stream.
template <class Make>
auto read(std::string_view text, const Make& make)
    -> Result<decltype(make({}, std::declval<rapidjson::MemoryStream&>()).take())> {
  if (text.size() > k_size_limit) return Error{Errc::invalid, "not JSON: more than 1 GiB"};
  const std::size_t skipped = text.starts_with(k_byte_order_mark) ? k_byte_order_mark.size() : 0;
  const std::string_view document = text.substr(skipped);

  rapidjson::MemoryStream stream(document.data(), document.size());
  rapidjson::Reader reader;
  auto handler = make(document, stream);
  const rapidjson::ParseResult result = text::is_valid_utf8(document)
                                            ? reader.Parse<k_flags>(stream, handler)
                                            : reader.Parse<k_validating_flags>(stream, handler);
  // The reader takes a NUL byte for the end.
  const std::size_t stopped_at = stream.Tell();
  if (stopped_at < document.size() && document[stopped_at] == '\0')
    return error_at("a NUL byte", text, skipped + stopped_at);
  if (result.IsError()) {
    return error_at(
        handler.problem().empty() ? phrase(result.Code()) : std::string(handler.problem()), text,
        skipped + result.Offset());
  }
  return handler.take();
}

}  // namespace

Result<Value> parse(std::string_view text) {
  return read(text, [](std::string_view, const rapidjson::MemoryStream&) { return TreeBuilder(); });
}

Result<SplitItems> split_items(std::string_view text, std::string_view key) {
  auto split = read(text, [&](std::string_view document, const rapidjson::MemoryStream& stream) {
    return ItemSplitter(key, document, stream);
  });
  if (split && !split->rest.is_object())
    return Error{Errc::invalid,
                 std::string(to_string(split->rest.kind())) + " instead of a JSON object"};
  return split;
}

}  // namespace reelkeep::json
