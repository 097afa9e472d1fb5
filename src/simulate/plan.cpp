#include "simulate/plan.hpp"

#include <algorithm>
#include <array>
#include <chrono>

#include "crypto/sha256.hpp"

namespace reelkeep::simulate {
namespace {

/// The provider's identifiers look like this: 24 hex digits.
std::string identifier(const std::string& text) {
  return sha256(text).hex().substr(0, 24);
}

media::SyntheticFormat picture_format(std::size_t number) {
  constexpr std::array k_seen = {media::SyntheticFormat::mov, media::SyntheticFormat::matroska,
                                 media::SyntheticFormat::mp4, media::SyntheticFormat::webm};
  return k_seen[number % k_seen.size()];
}

bool is_picture(media::SyntheticFormat format) {
  return format != media::SyntheticFormat::json && format != media::SyntheticFormat::text;
}

}  // namespace

const Failure* SimulatedFile::failure(Failure::Kind kind_asked,
                                      std::uint64_t earlier_requests) const noexcept {
  for (const Failure& failure : failures)
    if (failure.kind == kind_asked && failure.applies(earlier_requests)) return &failure;
  return nullptr;
}

ByteCount SimulatedFile::declared_size() const noexcept {
  return failure(Failure::Kind::wrong_size) != nullptr ? size + ByteCount(1) : size;
}

Digest SimulatedFile::digest() const {
  const media::SyntheticMedia bytes = media();
  Sha256 hash;
  std::vector<std::byte> buffer(256U * 1024U);
  ByteCount offset;
  while (const std::size_t count = bytes.fill(offset, buffer)) {
    hash.update(std::span<const std::byte>(buffer).first(count));
    offset += ByteCount(count);
  }
  return hash.finish();
}

Plan::Plan(StandInOptions options, Timestamp now) : m_options(std::move(options)) {
  m_room_id = m_options.room_id.empty() ? identifier(m_options.seed + "/room") : m_options.room_id;
  const Timestamp newest = m_options.ended_at.value_or(now);
  for (std::size_t number = 0; number < m_options.sessions; ++number) {
    const auto before = std::chrono::minutes(m_options.sessions - 1 - number);
    m_sessions.push_back(make_session(number, newest - before));
  }
  for (const SimulatedSession& session : m_sessions)
    for (const SimulatedFile& file : session.files) m_by_path.emplace(file.path, &file);
}

bool Plan::offers(ArtifactKind kind) const noexcept {
  return std::find(m_options.kinds.begin(), m_options.kinds.end(), kind) != m_options.kinds.end();
}

const SimulatedFile* Plan::find(std::string_view path) const {
  const auto found = m_by_path.find(path);
  return found == m_by_path.end() ? nullptr : found->second;
}

SimulatedSession Plan::make_session(std::size_t number, Timestamp ended_at) {
  SimulatedSession session;
  session.conf_num = ConfNum(identifier(m_options.seed + "/session/" + std::to_string(number)));
  session.started_at = ended_at - std::chrono::hours(1);
  session.ended_at = ended_at;
  if (offers(ArtifactKind::recording))
    for (std::size_t at = 0; at < m_options.recordings; ++at)
      add_file(session, ArtifactKind::recording, {}, "participant-" + std::to_string(at + 1),
               picture_format(at));
  if (offers(ArtifactKind::transcoded))
    for (std::size_t at = 0; at < m_options.stages; ++at)
      add_file(session, ArtifactKind::transcoded, std::to_string(at + 1),
               "transcoded-" + std::to_string(at + 1), media::SyntheticFormat::mp4);
  if (offers(ArtifactKind::live_recording))
    add_file(session, ArtifactKind::live_recording, {}, "live", media::SyntheticFormat::matroska);
  if (offers(ArtifactKind::chatdata))
    add_file(session, ArtifactKind::chatdata, {}, "chat", media::SyntheticFormat::json);
  if (offers(ArtifactKind::metadata))
    add_file(session, ArtifactKind::metadata, {}, "metadata", media::SyntheticFormat::json);
  if (offers(ArtifactKind::transcription))
    add_file(session, ArtifactKind::transcription, {}, "transcript", media::SyntheticFormat::text);
  return session;
}

void Plan::add_file(SimulatedSession& session, ArtifactKind kind, std::string stage,
                    std::string stem, media::SyntheticFormat format) {
  const std::string name = std::move(stem) + "." + std::string(media::to_string(format));
  const std::string path = "/files/" + session.conf_num.get() + "/" + name;
  const ByteCount size = is_picture(format) ? m_options.size : m_options.side_size;
  SimulatedFile file{.kind = kind,
                     .stage = std::move(stage),
                     .name = name,
                     .path = path,
                     .size = size,
                     .format = format,
                     .seed = m_options.seed + path,
                     .failures = {}};
  for (const FailureRule& rule : m_options.failures)
    if (rule.target.matches(m_file_count, kind, name)) file.failures.push_back(rule.failure);
  ++m_file_count;
  session.files.push_back(std::move(file));
}

}  // namespace reelkeep::simulate
