#include "daemon/operator_masking.hpp"

#include <algorithm>
#include <array>

#include "reelkeep/base/text.hpp"
#include "reelkeep/base/url.hpp"

#include "enablex/source_key.hpp"
#include "json/json.hpp"

namespace reelkeep::daemon {
namespace {

constexpr std::string_view k_mask = "***";
constexpr std::size_t k_shortest_authorization = 8;  // shorter: a word of prose
constexpr std::size_t k_longest_name = 256;          // of a parameter, as far as it is looked at
constexpr std::string_view k_ends_value = "&;#\"'<> \t\r\n\\,";
/// Ends a JSON value that is no string.
constexpr std::string_view k_ends_plain = ",]} \t\r\n";
constexpr std::string_view k_ends_authority = "/?#\"'<> \t\r\n\\";

bool names_a_secret(std::string_view name) {
  constexpr std::array<std::string_view, 12> k_words{
      "password",   "passwd",        "passphrase", "pwd",    "secret",    "token",
      "credential", "authorization", "apikey",     "appkey", "accesskey", "privatekey"};
  std::string plain = text::lower(name);
  std::erase_if(plain, [](char c) { return c == '_' || c == '-' || c == '.' || c == ' '; });
  if (plain == "pass" || plain == "key" || plain == "auth" || plain == "pin") return true;
  return std::any_of(k_words.begin(), k_words.end(),
                     [&](std::string_view word) { return plain.find(word) != std::string::npos; });
}

class Masking {
 public:
  explicit Masking(std::span<const std::string> volatile_query)
      : m_volatile_query(volatile_query) {}

  [[nodiscard]] std::string text(std::string_view plain) const {
    return parameters(members(authorizations(user_infos(std::string(plain)))));
  }

  void value(json::Writer& writer, const json::Value& value, bool secret) const {
    switch (value.kind()) {
      case json::Value::Kind::object:
        writer.begin_object();
        for (const json::Member& member : value.members()) {
          writer.key(text(member.key));
          this->value(writer, member.value, secret || names_a_secret(member.key));
        }
        writer.end_object();
        return;
      case json::Value::Kind::array:
        writer.begin_array();
        for (const json::Value& item : value.items()) this->value(writer, item, secret);
        writer.end_array();
        return;
      case json::Value::Kind::null:
        writer.value(nullptr);
        return;
      case json::Value::Kind::boolean:
        writer.value(value.boolean().value_or(false));
        return;
      case json::Value::Kind::number:
        if (secret) {
          writer.value(k_mask);
        } else if (const auto integer = value.integer()) {
          writer.value(*integer);
        } else {
          writer.value(value.number().value_or(0));
        }
        return;
      case json::Value::Kind::string:
        writer.value(secret ? std::string(k_mask) : text(value.string().value_or("")));
        return;
    }
  }

 private:
  /// A text that is copied but for what is masked; each byte once, since a body may be large.
  class Copy {
   public:
    explicit Copy(std::string_view from) : m_from(from) {}
    void mask(std::size_t begin, std::size_t end) {
      m_text.append(m_from.substr(m_copied, begin - m_copied)).append(k_mask);
      m_copied = end;
    }
    std::string take() && {
      m_text.append(m_from.substr(m_copied));
      return std::move(m_text);
    }

   private:
    std::string_view m_from;
    std::size_t m_copied = 0;
    std::string m_text;
  };

  /// scheme://user:password@host: the last '@' before the path ends the user info.
  static std::string user_infos(std::string all) {
    for (const std::string_view mark : {std::string_view("://"), std::string_view(":\\/\\/")}) {
      const std::string_view from = all;
      Copy copy(from);
      for (std::size_t at = from.find(mark); at != std::string_view::npos;
           at = from.find(mark, at)) {
        at += mark.size();
        const std::size_t end = std::min(from.find_first_of(k_ends_authority, at), from.size());
        const std::size_t sign = from.substr(at, end - at).rfind('@');
        if (sign != std::string_view::npos) copy.mask(at, at + sign);
      }
      all = std::move(copy).take();
    }
    return all;
  }

  static std::string authorizations(std::string all) {
    for (const std::string_view scheme :
         {std::string_view("basic "), std::string_view("bearer ")}) {
      const std::string low = text::lower(all);
      Copy copy(all);
      for (std::size_t at = low.find(scheme); at != std::string::npos; at = low.find(scheme, at)) {
        at += scheme.size();
        const std::size_t end = std::min(all.find_first_of(k_ends_value, at), all.size());
        if (end - at >= k_shortest_authorization) copy.mask(at, end);
      }
      all = std::move(copy).take();
    }
    return all;
  }

  /// "name": value in a document that is cut or otherwise broken, or lies within a text.
  static std::string members(const std::string& all) {
    constexpr std::string_view k_space = " \t\r\n";
    const std::string_view from = all;
    Copy copy(from);
    for (std::size_t colon = from.find(':', 1); colon != std::string_view::npos;
         colon = from.find(':', colon + 1)) {
      const std::size_t close = from.find_last_not_of(k_space, colon - 1);
      if (close == std::string_view::npos || close == 0 || from[close] != '"') continue;
      const std::size_t open = from.rfind('"', close - 1);
      if (open == std::string_view::npos || close - open > k_longest_name ||
          !names_a_secret(from.substr(open + 1, close - open - 1)))
        continue;
      std::size_t begin = std::min(from.find_first_not_of(k_space, colon + 1), from.size());
      std::size_t end = 0;
      if (from.substr(begin).starts_with('"')) {
        for (end = ++begin; end < from.size() && from[end] != '"';)
          end += from[end] == '\\' ? 2 : 1;
      } else {
        end = from.find_first_of(k_ends_plain, begin);
      }
      end = std::min(end, from.size());
      copy.mask(begin, end);
      if (end == from.size()) break;
      colon = end;
    }
    return std::move(copy).take();
  }

  [[nodiscard]] bool is_secret_parameter(std::string_view name) const {
    if (names_a_secret(name)) return true;
    const auto url = Url::parse("https://x/?" + text::percent_encode(name) + "=1");
    return url && !enablex::without_signature(*url, m_volatile_query).query();
  }

  /// name=value wherever a query or a form may stand.
  [[nodiscard]] std::string parameters(const std::string& all) const {
    Copy copy(all);
    for (std::size_t equals = all.find('='); equals != std::string::npos;) {
      std::size_t from = equals;
      while (from > 0 && equals - from < k_longest_name &&
             std::string_view("?&;\"' \t\r\n,{").find(all[from - 1]) == std::string_view::npos)
        --from;
      const std::string name = text::percent_decode(all.substr(from, equals - from));
      std::size_t next = equals + 1;
      if (!name.empty() && is_secret_parameter(name)) {
        const std::size_t end = std::min(all.find_first_of(k_ends_value, next), all.size());
        copy.mask(next, end);
        next = end;
      }
      equals = all.find('=', next);
    }
    return std::move(copy).take();
  }

  std::span<const std::string> m_volatile_query;
};

}  // namespace

std::string mask_secrets(std::string_view body, std::span<const std::string> volatile_query) {
  const Masking masking(volatile_query);
  const Result<json::Value> parsed = json::parse(body);
  if (!parsed) return masking.text(body);
  json::Writer writer(json::Layout::pretty);
  masking.value(writer, *parsed, false);
  return writer.take();
}

}  // namespace reelkeep::daemon
