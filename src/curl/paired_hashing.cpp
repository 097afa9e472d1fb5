#include "curl/paired_hashing.hpp"

#include <utility>

#include "crypto/sha256.hpp"

namespace reelkeep::curl {
namespace {

void complete_now(Intake& intake, Ending ending) {
  // Both outlive the completion, the Intake may not.
  IntakeEvents& events = intake.events();
  const std::uint64_t ticket = intake.ticket();
  intake.complete(std::move(ending));
  events.finished(ticket);
}

}  // namespace

void PairedHashing::owe(Intake& intake, Buffer buffer) {
  settle(intake);  // the pieces of one body are hashed in their order
  Owed owed{intake, std::move(buffer), {}, steady_now()};
  if (!m_owed) {
    m_owed.emplace(std::move(owed));
    if (!Sha256::hashes_two_at_once()) settle();
    return;
  }
  Owed before = std::move(*m_owed);
  m_owed.reset();
  Intake::hash_both(before.intake, before.buffer.content(), intake, owed.buffer.content());
  hashed(std::move(before));
  hashed(std::move(owed));
}

void PairedHashing::complete(Intake& intake, Ending ending) {
  if (is_owed(intake))
    m_owed->ending = std::move(ending);
  else
    complete_now(intake, std::move(ending));
}

void PairedHashing::complete_hashed() {
  for (Over& over : std::exchange(m_over, {})) complete_now(over.intake, std::move(over.ending));
}

void PairedHashing::settle(const Intake& intake) {
  if (is_owed(intake)) settle();
}

void PairedHashing::settle() {
  if (!m_owed) return;
  Owed owed = std::move(*m_owed);
  m_owed.reset();
  owed.intake.hash(owed.buffer.content());
  hashed(std::move(owed));
}

std::optional<MonotonicTime> PairedHashing::owed_since() const {
  return m_owed ? std::optional(m_owed->since) : std::nullopt;
}

bool PairedHashing::is_owed(const Intake& intake) const {
  return m_owed && &m_owed->intake == &intake;
}

void PairedHashing::hashed(Owed owed) {
  m_buffers.give_back(std::move(owed.buffer));
  if (owed.ending) m_over.push_back({owed.intake, std::move(*owed.ending)});
}

}  // namespace reelkeep::curl
