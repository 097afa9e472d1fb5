#include "curl/paired_hashing.hpp"

#include <algorithm>
#include <utility>

#include "crypto/sha256.hpp"

namespace reelkeep::curl {

void PairedHashing::owe(Intake& intake, Buffer buffer, Piece piece) {
  settle(intake);  // the pieces of one body are hashed in their order
  m_bodies.push_back(Body{intake, std::move(buffer), piece, steady_now()});
  Body& body = m_bodies.back();
  if (m_owed == nullptr) {
    m_owed = &body;
    if (!Sha256::hashes_two_at_once()) settle();
    return;
  }
  Body& before = *std::exchange(m_owed, nullptr);
  Intake::hash_both(before.intake, before.buffer.content(), intake, body.buffer.content());
  hashed(before);
  hashed(body);
}

void PairedHashing::complete(Intake& intake, Ending ending) {
  const auto body = find(intake);
  if (body == m_bodies.end()) {
    // Both outlive the completion, the Intake may not.
    IntakeEvents& events = intake.events();
    const std::uint64_t ticket = intake.ticket();
    intake.complete(std::move(ending));
    return events.finished(ticket);
  }
  body->ending = std::move(ending);
  if (body->is_hashed) complete_now(body);
}

void PairedHashing::complete_hashed() {
  for (auto body = m_bodies.begin(); body != m_bodies.end();) {
    const auto next = std::next(body);
    if (body->is_hashed && body->ending) complete_now(body);
    body = next;
  }
}

void PairedHashing::settle(const Intake& intake) {
  const auto body = find(intake);
  if (body == m_bodies.end()) return;
  if (!body->is_hashed) settle();
  give_back(*body);
  m_bodies.erase(body);
}

void PairedHashing::settle() {
  if (m_owed == nullptr) return;
  Body& body = *std::exchange(m_owed, nullptr);
  body.intake.hash(body.buffer.content());
  hashed(body);
}

std::optional<MonotonicTime> PairedHashing::owed_since() const {
  return m_owed != nullptr ? std::optional(m_owed->since) : std::nullopt;
}

bool PairedHashing::is_owed(const Intake& intake) const {
  return m_owed != nullptr && &m_owed->intake == &intake;
}

PairedHashing::Bodies::iterator PairedHashing::find(const Intake& intake) {
  return std::ranges::find_if(m_bodies, [&](const Body& one) { return &one.intake == &intake; });
}

void PairedHashing::hashed(Body& body) {
  body.is_hashed = true;
  if (body.piece == Piece::part) give_back(body);
}

void PairedHashing::give_back(Body& body) {
  if (body.buffer) m_buffers.give_back(std::exchange(body.buffer, {}));
}

void PairedHashing::complete_now(Bodies::iterator body) {
  // Both outlive the completion, the Intake may not.
  IntakeEvents& events = body->intake.events();
  const std::uint64_t ticket = body->intake.ticket();
  body->intake.complete(std::move(*body->ending), body->buffer.content());
  give_back(*body);
  m_bodies.erase(body);
  events.finished(ticket);
}

}  // namespace reelkeep::curl
