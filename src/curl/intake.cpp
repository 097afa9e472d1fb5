#include "curl/intake.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace reelkeep::curl {
namespace {

constexpr ByteCount k_checkpoint_bytes = 64_MiB;
constexpr Duration k_checkpoint_time{10'000};
/// A source at least this long is announced before its first byte: with its validator known, a
/// restart within the same boot continues from whatever is on disk, also before the first synced
/// checkpoint.
constexpr ByteCount k_worth_announcing = 4_MiB;
/// Of what was written ahead this much is taken in with each append: faster than anything comes, in
/// steps that hold up neither other files nor a stop.
constexpr ByteCount k_taken_in_at_once = 16_MiB;
constexpr ByteCount k_all = ByteCount(std::uint64_t{1} << 62U);

}  // namespace

Intake::Intake(FetchRequest& request, FetchSink& sink, IntakeEvents& events)
    : m_ticket(request.ticket),
      m_unsynced_up_to(request.unsynced_up_to),
      m_sink(sink),
      m_events(events),
      m_file(std::move(request.file)),
      m_resume(request.resume) {}

Result<ByteCount> Intake::prepare() {
  if (Status status = m_file->prepare(); !status) {
    m_failure = status.error();
    // A full disk and a stop leave the prefix as it was; anything else means that it is lost.
    if (m_failure->code != Errc::no_space && m_failure->code != Errc::cancelled) m_resume.reset();
    return *m_failure;
  }
  m_is_prepared = true;
  m_checkpoint_at = m_file->size();
  // Within one boot the file may vouch for more than the last checkpoint did, never for less.
  if (m_resume && (m_resume->offset > m_file->size() || m_file->size() == ByteCount()))
    m_resume.reset();
  if (m_resume) {
    // Those bytes have not been synced: finish_partial() has to, before it vouches for them.
    m_is_changed = m_resume->offset != m_file->size();
    m_validator = m_resume->validator;
    m_length = m_resume->length;
    m_resume->offset = m_file->size();
  }
  return m_file->size();
}

void Intake::begin(Begin answer) {
  if (m_failure) return;
  m_validator = std::move(answer.validator);
  m_length = answer.length;
  m_checkpoint_time = std::chrono::time_point_cast<Duration>(std::chrono::steady_clock::now());
  if (!answer.is_whole) return expect();
  m_resume.reset();
  m_is_changed = true;
  m_checkpoint_at = ByteCount();
  const bool replaces = m_file->size() != ByteCount() || m_is_spread;
  m_is_spread = false;
  m_ahead.clear();
  if (replaces)
    if (Status status = m_file->restart(); !status) m_failure = status.error();
  expect();
  // What the catalog knows of the bytes that went must not vouch for those that come.
  const bool is_worth_it =
      !m_validator.empty() && m_length.value_or(k_worth_announcing) >= k_worth_announcing;
  if (!m_failure && (replaces || is_worth_it))
    m_sink.checkpointed(Checkpoint{m_ticket, ResumePoint{ByteCount(), m_validator, m_length, {}}});
}

/// A length that does not fit is refused before its first byte.
void Intake::expect() {
  if (m_failure) return;
  if (Status status = m_file->expect(m_length.value_or(m_file->size())); !status)
    m_failure = status.error();
}

Status Intake::spread() {
  if (m_failure) return *m_failure;
  Status status = m_file->spread();
  m_is_spread = status.has_value();
  return status;
}

void Intake::write(ByteCount at, std::span<const std::byte> bytes) {
  if (at != m_file->size() || m_is_spread)
    abort_broken_invariant("body bytes for the wrong place of a file");
  m_is_changed = true;
  if (Status status = m_file->write(bytes); !status) m_failure = status.error();
}

void Intake::write_whole(std::span<const std::byte> bytes) {
  if (m_file->size() != ByteCount() || m_is_spread)
    abort_broken_invariant("a whole body for a file that has a part of it");
  m_is_changed = true;
  if (Status status = m_file->write_whole(bytes); !status) m_failure = status.error();
}

void Intake::hash(std::span<const std::byte> bytes) {
  m_file->hash(bytes);
}

void Intake::hash_both(Intake& one, std::span<const std::byte> of_one, Intake& two,
                       std::span<const std::byte> of_two) {
  one.m_file->hash_beside(of_one, *two.m_file, of_two);
}

void Intake::append(ByteCount at, std::span<const std::byte> bytes) {
  if (m_failure) return;
  m_is_changed = true;
  if (at != m_file->size()) {
    if (!m_is_spread || at < m_file->size())
      abort_broken_invariant("body bytes for the wrong place of a file");
    if (Status status = m_file->write_ahead(at, bytes); !status) {
      m_failure = status.error();
      return;
    }
    ByteCount end = at + ByteCount(bytes.size());
    if (const auto next = m_ahead.find(end); next != m_ahead.end()) {
      end = next->second;
      m_ahead.erase(next);
    }
    const auto after = m_ahead.upper_bound(at);
    if (after != m_ahead.begin() && std::prev(after)->second == at)
      std::prev(after)->second = end;
    else
      m_ahead.emplace(at, end);
  } else if (Status status = m_file->append(bytes); !status) {
    m_failure = status.error();
  }
  take_in(k_taken_in_at_once);
}

/// What follows the file's size without a gap.
void Intake::take_in(ByteCount most) {
  if (m_failure || m_ahead.empty() || m_ahead.begin()->first != m_file->size()) return;
  const ByteCount all = m_ahead.begin()->second;
  const ByteCount end = std::min(all, m_file->size() + most);
  m_ahead.erase(m_ahead.begin());
  if (end < all) m_ahead.emplace(end, all);
  if (Status status = m_file->take_in(end); !status) m_failure = status.error();
}

void Intake::checkpoint_if_due(MonotonicTime now) {
  if (m_failure || m_validator.empty()) return;
  const ByteCount size = m_file->size();
  if (size == m_checkpoint_at) return;
  if (size - m_checkpoint_at < k_checkpoint_bytes && now - m_checkpoint_time < k_checkpoint_time)
    return;
  if (Status status = m_file->sync(); !status) {
    m_failure = status.error();
    return;
  }
  m_checkpoint_at = size;
  m_checkpoint_time = now;
  m_resume = ResumePoint{size, m_validator, m_length, {}};
  m_is_changed = false;
  m_sink.checkpointed(Checkpoint{m_ticket, *m_resume});
}

void Intake::complete(Ending ending, std::span<const std::byte> last) {
  Fetched fetched = finish(std::move(ending));
  if (fetched.status && fetched.received == ByteCount(last.size())) fetched.body = last;
  m_events.completing(m_ticket);
  m_sink.fetched(std::move(fetched));
}

Fetched Intake::finish(Ending ending) {
  Fetched fetched;
  fetched.ticket = m_ticket;
  if (ending.status) take_in(k_all);
  fetched.status = m_failure ? Status(*m_failure) : std::move(ending.status);
  fetched.http_status = ending.http_status;
  fetched.content_type = std::move(ending.content_type);
  fetched.length = ending.length;
  fetched.tells_end = ending.tells_end;
  fetched.from_network = ending.from_network;
  if (fetched.status) finish_complete(fetched);
  if (!fetched.status) finish_partial(fetched);
  fetched.credential_accepted = fetched.status && ending.credential_accepted;
  fetched.file = std::move(m_file);
  return fetched;
}

void Intake::finish_complete(Fetched& fetched) {
  fetched.received = m_file->size();
  if (Status status = m_file->gather(); !status) {
    forget_resume();
    fetched.status = status.error();
    return;
  }
  if (fetched.length && *fetched.length != fetched.received) {
    fetched.status =
        Error{Errc::corrupt, "the file has " + std::to_string(fetched.received.get()) + " bytes, " +
                                 std::to_string(fetched.length->get()) + " were declared"};
    forget_resume();
    return;
  }
  fetched.is_synced = fetched.received > m_unsynced_up_to;
  if (Status status = fetched.is_synced ? m_file->sync() : Status(); !status) {
    forget_resume();
    fetched.status = status.error();
    return;
  }
  Result<Digest> digest = m_file->digest();
  // A stop before the verdict on the content must not cost the bytes.
  if (!m_validator.empty() && fetched.received > ByteCount())
    fetched.resume = ResumePoint{fetched.received, m_validator, fetched.received, {}};
  if (digest)
    fetched.digest = *digest;
  else
    fetched.status = digest.error();
}

void Intake::forget_resume() {
  m_validator.clear();
  m_resume.reset();
}

void Intake::finish_partial(Fetched& fetched) {
  if (!m_is_prepared) {
    fetched.received = m_resume ? m_resume->offset : ByteCount();
    fetched.resume = m_resume;
    return;
  }
  fetched.received = m_file->size();
  // Without this the next run could not trust more than the last checkpoint.
  if (m_is_spread && !m_file->gather()) return;
  if (!m_is_changed) {
    fetched.resume = m_resume;
    return;
  }
  if (m_validator.empty() || fetched.received == ByteCount() || !m_file->sync()) return;
  fetched.resume = ResumePoint{fetched.received, m_validator, m_length, {}};
}

}  // namespace reelkeep::curl
