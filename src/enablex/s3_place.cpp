#include "enablex/s3_place.hpp"

#include <algorithm>
#include <array>
#include <vector>

#include "reelkeep/base/text.hpp"

#include "enablex/fields.hpp"

namespace reelkeep::enablex {
namespace {

/// "eu-west-1", "us-gov-west-1"; "external-1" and "website-us-east-1" too.
bool is_region(std::string_view label) {
  return label.find('-') != std::string_view::npos && label.back() >= '0' && label.back() <= '9';
}

using Labels = std::vector<std::string_view>;

/// Whether the labels from `at` on are an endpoint of S3 (what precedes them is the bucket).
bool is_endpoint(const Labels& labels, std::size_t at) {
  const std::string_view service = labels[at];
  const std::size_t left = labels.size() - at - 1;
  const auto dual_stack = [&] { return labels[at + 1] == "dualstack"; };
  if (service == "s3" || service == "s3-fips") {
    if (left == 0) return service == "s3";
    if (left == 1) return is_region(labels[at + 1]);
    return left == 2 && dual_stack() && is_region(labels[at + 2]);
  }
  if (service == "s3-accelerate") return left == 0 || (left == 1 && dual_stack());
  if (service == "s3-website") return left == 1 && is_region(labels[at + 1]);
  return left == 0 && service.starts_with("s3-") && is_region(service.substr(3));
}

std::optional<S3Place> checked(std::string bucket, std::string key) {
  if (bucket.empty() || key.empty() || has_control(bucket) || has_control(key) ||
      !text::is_valid_utf8(key))
    return std::nullopt;
  return S3Place{std::move(bucket), std::move(key)};
}

std::optional<S3Place> path_style(std::string_view path) {
  const std::size_t slash = path.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  return checked(text::percent_decode(path.substr(0, slash)),
                 text::percent_decode(path.substr(slash + 1)));
}

std::optional<S3Place> amazon(std::string_view host, std::string_view path) {
  constexpr std::array<std::string_view, 2> k_suffixes{".amazonaws.com", ".amazonaws.com.cn"};
  const auto* suffix = std::find_if(k_suffixes.begin(), k_suffixes.end(),
                                    [&](std::string_view it) { return host.ends_with(it); });
  if (suffix == k_suffixes.end()) return std::nullopt;
  const std::string_view name = host.substr(0, host.size() - suffix->size());
  const Labels labels = text::split(name, '.');
  // From the right: a bucket's name may have dots, and "s3" between them.
  for (std::size_t at = labels.size(); at-- > 0;) {
    if (!is_endpoint(labels, at)) continue;
    if (at == 0) return path_style(path);
    const auto end = static_cast<std::size_t>(labels[at].data() - name.data());
    return checked(std::string(name.substr(0, end - 1)), text::percent_decode(path));
  }
  return std::nullopt;
}

}  // namespace

std::optional<S3Place> s3_place(const Url& url, std::string_view bucket) {
  if (url.scheme() != "https" && url.scheme() != "http") return std::nullopt;
  const std::string_view path = std::string_view(url.path()).substr(1);
  if (auto place = amazon(url.host(), path)) return place;
  if (bucket.empty()) return std::nullopt;
  if (url.host().starts_with(text::lower(bucket) + "."))
    return checked(std::string(bucket), text::percent_decode(path));
  if (auto place = path_style(path); place && place->bucket == bucket) return place;
  return std::nullopt;
}

std::optional<S3Place> s3_place_of_location(std::string_view location) {
  std::string_view rest = location.substr(location.find("://") + 3);
  // No bucket has a colon: it belongs to user info, whose secret may have slashes.
  const std::string_view first = rest.substr(0, rest.find('/'));
  if (const std::size_t at = first.rfind('@'); at != std::string_view::npos)
    rest.remove_prefix(at + 1);
  else if (first.find(':') != std::string_view::npos)
    rest.remove_prefix(rest.rfind('@') == std::string_view::npos ? rest.size()
                                                                 : rest.rfind('@') + 1);
  const std::size_t slash = rest.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  return checked(std::string(rest.substr(0, slash)), std::string(rest.substr(slash + 1)));
}

}  // namespace reelkeep::enablex
