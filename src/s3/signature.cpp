#include "s3/signature.hpp"

#include <algorithm>
#include <map>
#include <span>

#include "reelkeep/base/text.hpp"

#include "crypto/secure.hpp"
#include "crypto/sha256.hpp"

namespace reelkeep::s3 {
namespace {

constexpr std::string_view k_algorithm = "AWS4-HMAC-SHA256";
constexpr std::string_view k_unsigned_payload = "UNSIGNED-PAYLOAD";

std::string_view bytes_of(const Digest& digest) {
  return {reinterpret_cast<const char*>(digest.bytes.data()), digest.bytes.size()};
}

/// Without spaces around it, and one instead of several.
std::string trimmed(std::string_view value) {
  std::string result;
  for (const char c : text::trim(value))
    if (c != ' ' || !result.ends_with(' ')) result += c;
  return result;
}

/// Names and values of all signed headers, sorted.
struct SignedHeaders {
  explicit SignedHeaders(const Signable& request) {
    std::map<std::string, std::string> sorted{{"host", request.host}};
    for (const auto& [name, value] : request.headers) {
      const auto [at, added] = sorted.emplace(text::lower(name), trimmed(value));
      if (!added) at->second += "," + trimmed(value);
    }
    for (const auto& [name, value] : sorted) {
      names += (names.empty() ? "" : ";") + name;
      lines += name + ":" + value + "\n";
    }
  }
  std::string names;
  std::string lines;
};

std::string scope_text(const Scope& scope, std::string_view date) {
  return std::string(date.substr(0, 8)) + "/" + scope.region + "/" + scope.service +
         "/aws4_request";
}

std::string signature(const Signable& request, const Pairs& query, const SignedHeaders& headers,
                      std::string_view payload, const AccessKey& key, const Scope& scope,
                      const std::string& date) {
  std::string canonical = request.method + "\n" + encoded_path(request.path) + "\n" +
                          encoded_query(query) + "\n" + headers.lines + "\n" + headers.names + "\n";
  canonical += payload;
  const std::string to_sign = std::string(k_algorithm) + "\n" + date + "\n" +
                              scope_text(scope, date) + "\n" + sha256(canonical).hex();
  Digest derived = hmac_sha256("AWS4" + key.secret.reveal(), date.substr(0, 8));
  for (const std::string_view part :
       {std::string_view(scope.region), std::string_view(scope.service),
        std::string_view("aws4_request")})
    derived = hmac_sha256(bytes_of(derived), part);
  return hmac_sha256(bytes_of(derived), to_sign).hex();
}

}  // namespace

std::string encoded_path(std::string_view path) {
  return text::percent_encode(path, "/");
}

std::string encoded_query(const Pairs& query) {
  Pairs encoded;
  for (const auto& [name, value] : query)
    encoded.emplace_back(text::percent_encode(name), text::percent_encode(value));
  std::sort(encoded.begin(), encoded.end());
  std::string joined;
  for (const auto& [name, value] : encoded)
    joined += (joined.empty() ? "" : "&") + name + "=" + value;
  return joined;
}

std::string amz_date(Timestamp time) {
  std::string date = to_rfc3339(time).substr(0, 19);
  std::erase_if(date, [](char c) { return c == '-' || c == ':'; });
  return date + "Z";
}

std::string authorization(const Signable& request, const AccessKey& key, const Scope& scope,
                          Timestamp now) {
  const SignedHeaders headers(request);
  const std::string date = amz_date(now);
  return std::string(k_algorithm) + " Credential=" + key.id + "/" + scope_text(scope, date) +
         ",SignedHeaders=" + headers.names + ",Signature=" +
         signature(request, request.query, headers, request.payload, key, scope, date);
}

std::string presigned_query(const Signable& request, const AccessKey& key, const Scope& scope,
                            Timestamp now, std::chrono::seconds lifetime) {
  const SignedHeaders headers(request);
  const std::string date = amz_date(now);
  Pairs query = request.query;
  query.emplace_back("X-Amz-Algorithm", k_algorithm);
  query.emplace_back("X-Amz-Credential", key.id + "/" + scope_text(scope, date));
  query.emplace_back("X-Amz-Date", date);
  query.emplace_back("X-Amz-Expires", std::to_string(lifetime.count()));
  if (!key.session_token.empty())
    query.emplace_back("X-Amz-Security-Token", key.session_token.reveal());
  query.emplace_back("X-Amz-SignedHeaders", headers.names);
  return encoded_query(query) + "&X-Amz-Signature=" +
         signature(request, query, headers, k_unsigned_payload, key, scope, date);
}

}  // namespace reelkeep::s3
