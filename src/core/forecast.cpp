#include "core/forecast.hpp"

#include <algorithm>
#include <limits>

namespace reelkeep::core {
namespace {

/// Where nothing of a kind was archived yet: an hour of video at some 600 kbit/s, and the side
/// files of a session.
constexpr ByteCount k_media = 256_MiB;
constexpr ByteCount k_side = 64_KiB;
/// Later than any deadline; keeps the sum in range at a pace of nearly nothing.
constexpr double k_horizon_ms = 100.0 * 365 * 24 * 3600 * 1000;

ByteCount guess(ArtifactKind kind) {
  switch (kind) {
    case ArtifactKind::recording:
    case ArtifactKind::transcoded:
    case ArtifactKind::live_recording:
      return k_media;
    case ArtifactKind::chatdata:
    case ArtifactKind::metadata:
    case ArtifactKind::transcription:
    case ArtifactKind::cdr:
    case ArtifactKind::delivered:
      return k_side;
  }
  return k_side;
}

}  // namespace

ByteCount Forecaster::expected_size(const QueuedSource& source) const {
  if (source.length) return std::max(*source.length, source.received);
  if (source.declared_size) return std::max(*source.declared_size, source.received);
  const auto typical = m_pace.typical.find(source.kind);
  return std::max(typical != m_pace.typical.end() ? typical->second : guess(source.kind),
                  source.received);
}

std::optional<Timestamp> Forecaster::add(const QueuedSource& source) {
  m_forecast.artifacts += 1;
  // A declared size may be anything.
  const std::uint64_t size = (expected_size(source) - source.received).get();
  const std::uint64_t room = std::numeric_limits<std::uint64_t>::max() - m_forecast.bytes.get();
  m_forecast.bytes = ByteCount(m_forecast.bytes.get() + std::min(size, room));
  const bool past = source.deadline <= m_pace.now;
  if (past)
    m_forecast.past += 1;
  else if (source.deadline <= m_pace.now + m_pace.warn_before)
    m_forecast.near += 1;
  if (!m_pace.bytes_per_second || *m_pace.bytes_per_second <= 0) return std::nullopt;

  const double ms = static_cast<double>(m_forecast.bytes.get()) / *m_pace.bytes_per_second * 1000.0;
  const Timestamp come =
      m_pace.now + Duration(static_cast<std::int64_t>(std::min(ms, k_horizon_ms)));
  m_forecast.done_at = come;
  if (!past && come > source.deadline) {
    m_forecast.missed += 1;
    if (!m_forecast.first_missed) m_forecast.first_missed = source.deadline;
  }
  return come;
}

}  // namespace reelkeep::core
