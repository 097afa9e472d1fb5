#include "curl/paired_hashing.hpp"

#include <utility>

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
  // The pieces of one body are hashed in their order.
  if (m_owed && &m_owed->intake == &intake) settle();
  Owed owed{intake, std::move(buffer), {}, steady_now()};
  if (!m_owed) {
    m_owed.emplace(std::move(owed));
    return;
  }
  Owed before = std::move(*m_owed);
  m_owed.reset();
  Intake::hash_both(before.intake, before.buffer.content(), intake, owed.buffer.content());
  hashed(std::move(before));
  hashed(std::move(owed));
}

void PairedHashing::complete(Intake& intake, Ending ending) {
  if (m_owed && &m_owed->intake == &intake)
    m_owed->ending = std::move(ending);
  else
    complete_now(intake, std::move(ending));
}

void PairedHashing::settle(const Intake& intake) {
  if (m_owed && &m_owed->intake == &intake) settle();
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

void PairedHashing::hashed(Owed owed) {
  m_buffers.give_back(std::move(owed.buffer));
  if (owed.ending) complete_now(owed.intake, std::move(*owed.ending));
}

}  // namespace reelkeep::curl
