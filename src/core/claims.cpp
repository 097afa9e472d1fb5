#include "core/claims.hpp"

#include <utility>

namespace reelkeep::core {

void Claims::add(std::uint64_t ticket, Claim claim) {
  const std::lock_guard lock(m_mutex);
  m_claims.emplace(ticket, std::move(claim));
}

std::optional<Claim> Claims::take(std::uint64_t ticket) {
  const std::lock_guard lock(m_mutex);
  auto found = m_claims.extract(ticket);
  if (!found) return std::nullopt;
  return std::move(found.mapped());
}

}  // namespace reelkeep::core
