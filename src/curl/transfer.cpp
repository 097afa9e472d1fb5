#include "curl/transfer.hpp"

#include <algorithm>
#include <utility>

#include "curl/peer_address.hpp"
#include "curl/target_rules.hpp"

namespace reelkeep::curl {
namespace {

constexpr int k_most_redirects = 5;
/// From the first byte in a buffer until it is handed over, full or not.
constexpr Duration k_longest_fill{200};
const std::string k_no_part = "answers something else than the part that was asked for";

}  // namespace

Transfer::Transfer(const Source& source, Intake& intake, Plant plant)
    : m_source(source), m_plant(plant), m_intake(intake), m_url(source.url) {}

void Transfer::ask_rest(ResumePoint resume) {
  m_resume = std::move(resume);
}

void Transfer::ask_range(Range range, const std::string& validator, ByteCount length) {
  m_resume = ResumePoint{range.first, validator, length, {}};
  m_range = range;
  m_end = range.end;
  m_at = range.first;
  // A redirect may lead to an address that is good for a while only.
  m_url = m_source.url;
  m_redirects = 0;
}

void Transfer::ask_from_zero() {
  m_asked_again = true;
  m_resume.reset();
  m_range.reset();
  m_end.reset();
  m_at = ByteCount();
}

void Transfer::start(Easy easy, const FetchLimits& limits) {
  m_easy = std::move(easy);
  CURL* const curl = m_easy.get();
  m_transport = Transport{limits.ca_file, limits.proxy, limits.connect_timeout};
  m_stall_timeout = limits.stall_timeout;
  forget_request();
  const bool sends_pair = m_source.credential && may_send_pair(m_url, m_source.url, m_source.rules);
  configure(curl, m_transport, m_error_buffer.data());
  address(curl, m_url, sends_pair ? &*m_source.credential : nullptr);

  m_asked = Asked{};
  m_asked.host = m_url.authority();
  m_asked.pair_sent = sends_pair;
  m_asked.may_ask_again = !m_asked_again;
  m_lines.clear();
  m_lines.add("Accept-Encoding: identity");
  if (m_resume) set_range();
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, m_lines.get());
  curl_easy_setopt(curl, CURLOPT_BUFFERSIZE, static_cast<long>(most_read()));
  curl_easy_setopt(curl, CURLOPT_HTTPGET, 1L);
  curl_easy_setopt(curl, CURLOPT_PRIVATE, this);
  curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, &Transfer::on_header);
  curl_easy_setopt(curl, CURLOPT_HEADERDATA, this);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &Transfer::on_body);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, this);
  curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, &Transfer::on_open);
  curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, this);
  curl_easy_setopt(curl, CURLOPT_PREREQFUNCTION, &Transfer::on_connected);
  curl_easy_setopt(curl, CURLOPT_PREREQDATA, this);
}

void Transfer::forget_request() {
  m_head.clear();
  m_judgement.reset();
  m_failure.reset();
  m_watch.reset();
  m_pause = Pause::none;
  m_skip = 0;
  m_discarded = 0;
  m_body = ByteCount();
  m_started = steady_now();
}

void Transfer::set_range() {
  m_asked.offset = m_resume->offset;
  m_at = m_resume->offset;
  // All bytes are there, but no answer has said so since: one byte again, since a range that
  // starts at the end cannot be asked for.
  if (!m_range && m_resume->length == m_resume->offset) {
    m_asked.offset = m_resume->offset - ByteCount(1);
    m_skip = 1;
  }
  if (m_asked.offset == ByteCount()) {  // a file of one byte
    m_skip = 0;
    return;
  }
  m_asked.validator = m_resume->validator;
  m_asked.length = m_resume->length;
  std::string range = "Range: bytes=" + std::to_string(m_asked.offset.get()) + "-";
  if (m_range) {
    m_asked.end = m_range->end;
    range += std::to_string(m_range->end.get() - 1);
  }
  m_lines.add(range.c_str());
  m_lines.add(("If-Range: " + m_asked.validator).c_str());
}

std::optional<Ending> Transfer::conclude(CURLcode code) {
  if (m_failure) return ending(*m_failure);
  if (has_all()) return ending(Status());
  if (!m_judgement) {
    const CURLcode reason = code == CURLE_OK ? CURLE_GOT_NOTHING : code;
    return ending(transport_error(m_easy.get(), reason, m_url, m_transport, m_error_buffer.data()));
  }
  switch (m_judgement->kind) {
    case Judgement::Kind::refused:
      return ending(*m_judgement->error);
    case Judgement::Kind::redirect:
      return follow(m_judgement->location);
    case Judgement::Kind::again:
      if (m_range) return ending(Error{Errc::unavailable, m_url.authority() + ": " + k_no_part});
      ask_from_zero();
      return std::nullopt;
    case Judgement::Kind::whole:
      if (m_range) return ending(Error{Errc::unavailable, m_url.authority() + ": " + k_no_part});
      break;
    case Judgement::Kind::rest:
      break;
  }
  if (code != CURLE_OK)
    return ending(transport_error(m_easy.get(), code, m_url, m_transport, m_error_buffer.data()));
  if (m_judgement->body_length && *m_judgement->body_length != m_body)
    return ending(Error{Errc::corrupt, m_url.authority() + ": sent " +
                                           std::to_string(m_body.get()) + " bytes instead of " +
                                           std::to_string(m_judgement->body_length->get())});
  return ending(Status());
}

Ending Transfer::break_off(Error reason) {
  // Only a refusal is a verdict of its own; a redirect or another try would cost further requests.
  if (!m_failure && m_judgement && m_judgement->kind == Judgement::Kind::refused &&
      reason.code != Errc::cancelled)
    reason = *m_judgement->error;
  return ending(std::move(reason));
}

bool Transfer::disagrees() const noexcept {
  if (!m_range || !m_judgement) return false;
  if (m_judgement->kind == Judgement::Kind::again) return true;
  // All of the same version is just a server that sends no parts this time.
  return m_judgement->kind == Judgement::Kind::whole &&
         (m_judgement->validator != m_asked.validator || m_judgement->length != m_asked.length);
}

const Judgement* Transfer::answer() const noexcept {
  return m_easy && keeps_body() ? &*m_judgement : nullptr;
}

std::uint64_t Transfer::rate(MonotonicTime now) const {
  if (!keeps_body()) return 0;
  const auto span = std::max<std::int64_t>(1, (now - m_body_since).count());
  return m_body.get() * 1000 / static_cast<std::uint64_t>(span);
}

Duration Transfer::age(MonotonicTime now) const {
  return now - m_started;
}

std::optional<std::uint64_t> Transfer::pace(Duration look) {
  if (m_paced < look) return std::nullopt;
  const auto span = std::max<std::int64_t>(1, m_paced.count());
  const std::uint64_t pace = m_paced_bytes * 1000 / static_cast<std::uint64_t>(span);
  m_paced = Duration(0);
  m_paced_bytes = 0;
  return pace;
}

void Transfer::account(MonotonicTime now) {
  if (m_pause == Pause::none) m_paced += now - m_accounted_until;
  m_accounted_until = now;
}

void Transfer::discard() {
  m_buffer.size = 0;
  hand_over();
}

std::optional<Ending> Transfer::follow(const std::string& location) {
  const std::string from = m_url.authority();
  if (++m_redirects > k_most_redirects)
    return ending(Error{Errc::unavailable,
                        from + ": more than " + std::to_string(k_most_redirects) + " redirects"});
  Result<Url> next = m_url.resolve(location);
  if (!next) return ending(Error{Errc::invalid, from + ": redirects to something that is no URL"});
  if (Status status = check_target(*next, m_source.rules, Hop::redirect); !status)
    return ending(status.error().within(from));
  m_url = std::move(*next);
  return std::nullopt;
}

Ending Transfer::ending(Status status) const {
  Ending ending;
  ending.status = std::move(status);
  ending.http_status = m_head.complete() ? m_head.status() : 0;
  if (m_judgement) {
    ending.content_type = m_judgement->content_type;
    ending.length = m_judgement->length;
    ending.tells_end = m_judgement->tells_end;
  }
  ending.from_network = m_from_network;
  ending.credential_accepted = m_pair_accepted;
  return ending;
}

bool Transfer::turn(MonotonicTime now, Scarcity buffers) {
  // A slow body must not keep a buffer that others could use.
  if (m_buffer.size > 0 && (buffers == Scarcity::yes || now - m_filled_since >= k_longest_fill))
    hand_over();
  if (keeps_body()) account(now);
  return m_watch && m_watch->turn(now, m_pause == Pause::none ? StallWatch::Wanting::yes
                                                              : StallWatch::Wanting::no);
}

Duration Transfer::next_turn(MonotonicTime now) const {
  Duration next{1000};
  if (m_watch) next = std::min(next, m_watch->slice());
  if (m_buffer.size > 0)
    next = std::min(next, std::max(m_filled_since + k_longest_fill - now, Duration(1)));
  return next;
}

Error Transfer::stall_error() const {
  return Error{Errc::timeout, m_url.authority() + ": stalled, less than 1 KiB/s for " +
                                  to_string(m_stall_timeout)};
}

}  // namespace reelkeep::curl
