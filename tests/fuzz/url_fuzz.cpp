#include "reelkeep/base/url.hpp"

#include "enablex/source_key.hpp"
#include "fuzz/targets.hpp"

namespace reelkeep::fuzz {
namespace {

void check_url(const Url& url) {
  demand(!url.scheme().empty() && url.path().starts_with('/'), "a URL has a scheme and a path");
  const auto again = Url::parse(url.without_user_info());
  demand(again.has_value(), "a URL can be written and read again");
  demand(again->without_user_info() == url.without_user_info() && again->origin() == url.origin(),
         "a URL read again is the same");
  demand(!again->user_info(), "a URL without user info has none");
  demand(url.without_user_info() == url.origin() + url.request_target(), "a URL is its parts");

  const std::string shown = url.display();
  demand(shown == url.origin() + url.path() + (url.query() ? "?..." : ""),
         "what is shown is origin and path");
  for (const char c : url.without_user_info())
    demand(static_cast<unsigned char>(c) > 0x20 && static_cast<unsigned char>(c) < 0x7f,
           "a URL is visible ASCII: it cannot split a header line");
  demand(url.last_segment().size() <= url.path().size(), "decoding makes nothing longer");
}

void check_key(const Url& url) {
  const SourceKey key = enablex::source_key(url, {});
  const auto shown = Url::parse(url.scheme() + "://" + key.get());
  demand(shown.has_value(), "scheme and source key make a URL");
  demand(!shown->user_info(), "a source key holds no user info");
  demand(enablex::source_key(*shown, {}) == key, "the source key of a source key is itself");
  const Url plain = enablex::without_signature(url, {});
  demand(enablex::without_signature(plain, {}) == plain, "a signature is taken away once");
  demand(enablex::source_key(plain, {}) == key, "a signature does not make another file");
}

}  // namespace

/// First line: a URL. Second: a reference seen from it. Third: a host pattern.
void url(std::string_view input) {
  std::string_view rest = input;
  const auto base = Url::parse(next_line(rest));
  const std::string_view reference = next_line(rest);
  const auto pattern = HostPattern::parse(next_line(rest));
  if (pattern) {
    const auto again = HostPattern::parse(pattern->text());
    demand(again && *again == *pattern, "a host pattern can be written and read again");
  }
  (void)enablex::location_key(reference, {});
  if (!base) {
    demand(base.error().code == Errc::invalid, "what is no URL is invalid");
    return;
  }
  check_url(*base);
  check_key(*base);
  if (pattern && pattern->matches(*base)) {
    const std::string_view text = pattern->text();
    const bool below = text.starts_with("*.");
    const std::string_view wanted = text.substr(below ? 1 : 0);
    const std::string host =
        base->host().find(':') == std::string::npos ? base->host() : "[" + base->host() + "]";
    const auto at = below
                        ? host.size() - std::min(host.size(), wanted.rfind(':') == std::string::npos
                                                                  ? wanted.size()
                                                                  : wanted.rfind(':'))
                        : 0;
    demand(wanted.starts_with(std::string_view(host).substr(at)) && (!below || at > 0),
           "a pattern matches its own hosts only");
  }

  const auto target = base->resolve(reference);
  if (!target) {
    demand(target.error().code == Errc::invalid, "what is no reference is invalid");
    return;
  }
  check_url(*target);
  check_key(*target);
  demand(reference.find('@') != std::string_view::npos || !target->user_info(),
         "a redirect does not inherit user info");
  const auto absolute = base->resolve(target->without_user_info());
  demand(absolute && absolute->without_user_info() == target->without_user_info(),
         "a resolved URL resolves to itself");
}

}  // namespace reelkeep::fuzz
