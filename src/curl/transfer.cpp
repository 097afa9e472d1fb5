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

}  // namespace

Transfer::Transfer(FetchRequest request, FetchSink& sink, IntakeEvents& events, Plant plant)
    : m_first_url(request.url),
      m_credential(std::move(request.credential)),
      m_rules(std::move(request.rules)),
      m_plant(plant),
      m_intake(request.ticket, std::move(request.file), request.resume, sink, events),
      m_resume(std::move(request.resume)),
      m_url(std::move(request.url)) {}

Status Transfer::admit() const {
  return check_target(m_first_url, m_rules, Hop::first);
}

void Transfer::prepared(ByteCount size) {
  m_is_prepared = true;
  const bool is_usable = m_resume && size > ByteCount() && m_resume->offset <= size &&
                         !m_resume->validator.empty() &&
                         (!m_resume->length || size <= *m_resume->length);
  if (is_usable)
    m_resume->offset = size;
  else
    m_resume.reset();
}

void Transfer::start(Easy easy, const FetchLimits& limits) {
  m_easy = std::move(easy);
  CURL* const curl = m_easy.get();
  m_transport = Transport{limits.ca_file, limits.proxy, limits.connect_timeout};
  m_stall_timeout = limits.stall_timeout;
  m_head.clear();
  m_judgement.reset();
  m_failure.reset();
  m_watch.reset();
  m_pause = Pause::none;
  m_skip = 0;
  m_discarded = 0;
  m_body = ByteCount();

  const bool sends_pair = m_credential && may_send_pair(m_url, m_first_url, m_rules);
  configure(curl, m_transport, m_error_buffer.data());
  address(curl, m_url, sends_pair ? &*m_credential : nullptr);

  m_asked = Asked{};
  m_asked.host = m_url.authority();
  m_asked.pair_sent = sends_pair;
  m_asked.may_ask_again = !m_asked_again;
  m_lines.clear();
  m_lines.add("Accept-Encoding: identity");
  if (m_resume) {
    m_asked.offset = m_resume->offset;
    // All bytes are there, but no answer has said so since: one byte again, since a range that
    // starts at the end cannot be asked for.
    if (m_resume->length == m_resume->offset) {
      m_asked.offset = m_resume->offset - ByteCount(1);
      m_skip = 1;
    }
    if (m_asked.offset == ByteCount()) {
      m_skip = 0;  // a file of one byte
    } else {
      m_asked.validator = m_resume->validator;
      m_asked.length = m_resume->length;
      m_lines.add(("Range: bytes=" + std::to_string(m_asked.offset.get()) + "-").c_str());
      m_lines.add(("If-Range: " + m_asked.validator).c_str());
    }
  }
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, m_lines.get());
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

std::optional<Ending> Transfer::conclude(CURLcode code) {
  if (m_failure) return ending(*m_failure);
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
      ask_from_zero();
      return std::nullopt;
    case Judgement::Kind::whole:
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

void Transfer::finish(Ending ending) {
  m_is_finishing = true;
  hand_over();
  if (m_next) m_plant.buffers.give_back(std::exchange(m_next, {}));
  m_plant.writers.post(m_intake, Finish{std::move(ending)});
}

void Transfer::ask_from_zero() {
  m_asked_again = true;
  m_resume.reset();
}

std::optional<Ending> Transfer::follow(const std::string& location) {
  const std::string from = m_url.authority();
  if (++m_redirects > k_most_redirects)
    return ending(Error{Errc::unavailable,
                        from + ": more than " + std::to_string(k_most_redirects) + " redirects"});
  Result<Url> next = m_url.resolve(location);
  if (!next) return ending(Error{Errc::invalid, from + ": redirects to something that is no URL"});
  if (Status status = check_target(*next, m_rules, Hop::redirect); !status)
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
  }
  ending.from_network = m_from_network;
  ending.credential_accepted = m_pair_accepted;
  return ending;
}

bool Transfer::turn(MonotonicTime now, Scarcity buffers) {
  // A slow body must not keep a buffer that others could use.
  if (m_buffer.size > 0 && (buffers == Scarcity::yes || now - m_filled_since >= k_longest_fill))
    hand_over();
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
