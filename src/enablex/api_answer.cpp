#include "enablex/api_answer.hpp"

#include <algorithm>

#include "reelkeep/base/text.hpp"

#include "json/json.hpp"

namespace reelkeep::enablex {
namespace {

constexpr std::size_t k_longest_words = 300;

void replace_all(std::string& text, const std::string& what) {
  if (what.empty()) return;
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 3))
    text.replace(at, what.size(), "***");
}

/// A server may quote what it was sent.
void take_out(std::string& text, const std::optional<Credential>& sent) {
  if (!sent) return;
  const std::string& password = sent->password.reveal();
  replace_all(text, text::to_base64(sent->username + ":" + password));
  replace_all(text, password);
  replace_all(text, text::percent_encode(password));
}

std::string scalar(const json::Value& value) {
  if (const auto text = value.string()) return std::string(text::trim(*text));
  if (const auto number = value.number_text()) return std::string(*number);
  return {};
}

bool is_zero(const std::string& result) {
  return result.empty() || result.find_first_not_of('0') == std::string::npos;
}

}  // namespace

std::string provider_words(const json::Value& answer, const std::optional<Credential>& sent) {
  std::string words;
  const auto add = [&](const std::string& text) {
    if (text.empty() || words.find(text) != std::string::npos) return;
    words += (words.empty() ? "" : ": ") + text;
  };
  if (const std::string result = scalar(answer["result"]); !is_zero(result))
    add("result " + result);
  add(scalar(answer["error"]));
  add(scalar(answer["desc"]));
  take_out(words, sent);
  if (words.size() > k_longest_words) words = words.substr(0, k_longest_words) + "...";
  return text::printable(words);
}

Status check_result(const json::Value& answer, const std::optional<Credential>& sent) {
  const json::Value& result = answer["result"];
  const bool fine =
      result.is_null() || ((result.string() || result.number_text()) && is_zero(scalar(result)));
  if (fine) return {};
  const std::string words = provider_words(answer, sent);
  return Error{Errc::unavailable,
               "the provider's API refuses: " + (words.empty() ? "it does not say why" : words)};
}

Status judge_cdr(std::string_view answer, const std::optional<Credential>& sent) {
  const Error not_ready{Errc::unavailable,
                        "the CDR is not ready: the provider lists no participant yet"};
  if (text::trim(answer).empty()) return not_ready;
  const Result<json::Value> parsed = json::parse(answer);
  // What could not be read may hold names and addresses: it is not quoted.
  if (!parsed) return Error{Errc::corrupt, "the answer is no CDR: it is not JSON"};
  if (!parsed->is_object() && !parsed->is_array())
    return Error{Errc::corrupt,
                 "the answer is no CDR: it is " + std::string(to_string(parsed->kind()))};
  REELKEEP_TRY(check_result(*parsed, sent));
  const json::Value& rows = parsed->is_array() ? *parsed : (*parsed)["cdr"];
  const auto has_content = [](const json::Value& row) { return !row.members().empty(); };
  const bool ready = rows.is_object()
                         ? has_content(rows)
                         : std::any_of(rows.items().begin(), rows.items().end(), has_content);
  return ready ? Status() : Status(not_ready);
}

}  // namespace reelkeep::enablex
