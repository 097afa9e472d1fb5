#include "core/backlog.hpp"

#include <algorithm>

namespace reelkeep::core {
namespace {

/// Enough for the turns of an agent that commits to a disk meanwhile.
constexpr std::chrono::milliseconds k_span_ahead{80};
constexpr std::size_t k_measured_hosts = 256;
constexpr int k_weight = 8;  ///< of what was measured before, against the newest

}  // namespace

void Backlog::set_limits(ConnectionLimits limits) {
  const std::lock_guard lock(m_mutex);
  m_limits = limits;
}

void Backlog::add(ReadyTransfer transfer) {
  const std::lock_guard lock(m_mutex);
  const std::uint64_t ticket = transfer.request.ticket;
  const Order order(transfer.deadline, transfer.artifact, ticket);
  m_orders.emplace(ticket, order);
  m_waiting.emplace(order, std::move(transfer));
}

std::optional<FetchRequest> Backlog::next_locked(Moment now) {
  if (m_is_closed || m_begun.size() >= m_limits.in_all) return std::nullopt;
  for (auto at = m_waiting.begin(); at != m_waiting.end(); ++at) {
    std::size_t& on_host = m_on_host[at->second.host];
    if (on_host >= m_limits.per_host) continue;
    ++on_host;
    ReadyTransfer transfer = std::move(at->second);
    const std::uint64_t ticket = transfer.request.ticket;
    m_waiting.erase(at);
    m_orders.erase(ticket);
    m_begun.emplace(ticket, Begun{std::move(transfer.host), now});
    return std::move(transfer.request);
  }
  return std::nullopt;
}

std::vector<FetchRequest> Backlog::begin(Moment now) {
  const std::lock_guard lock(m_mutex);
  std::vector<FetchRequest> all;
  while (std::optional<FetchRequest> next = next_locked(now)) all.push_back(std::move(*next));
  return all;
}

std::optional<FetchRequest> Backlog::ended(std::uint64_t ticket, Ended how, Moment now) {
  const std::lock_guard lock(m_mutex);
  const auto found = m_begun.find(ticket);
  if (found == m_begun.end()) return std::nullopt;
  const Begun begun = std::move(found->second);
  m_begun.erase(found);
  if (const auto host = m_on_host.find(begun.host); --host->second == 0) m_on_host.erase(host);
  if (how == Ended::badly) return std::nullopt;
  measure_locked(begun.host, now - begun.at);
  return next_locked(now);
}

void Backlog::measure_locked(const std::string& host, Moment::duration took) {
  if (m_mean.size() >= k_measured_hosts && !m_mean.contains(host)) m_mean.clear();
  const auto [mean, is_first] = m_mean.try_emplace(host, took);
  if (!is_first) mean->second += (took - mean->second) / k_weight;
}

bool Backlog::take_back(std::uint64_t ticket) {
  const std::lock_guard lock(m_mutex);
  const auto order = m_orders.find(ticket);
  if (order == m_orders.end()) return false;
  m_waiting.erase(order->second);
  m_orders.erase(order);
  return true;
}

void Backlog::close() {
  const std::lock_guard lock(m_mutex);
  m_is_closed = true;
}

bool Backlog::waits(std::uint64_t ticket) const {
  const std::lock_guard lock(m_mutex);
  return m_orders.contains(ticket);
}

std::vector<std::uint64_t> Backlog::waiting() const {
  const std::lock_guard lock(m_mutex);
  std::vector<std::uint64_t> tickets;
  for (const auto& [ticket, order] : m_orders) tickets.push_back(ticket);
  return tickets;
}

std::size_t Backlog::size() const {
  const std::lock_guard lock(m_mutex);
  return m_orders.size();
}

std::size_t Backlog::worth_ahead(const std::string& host) const {
  const std::lock_guard lock(m_mutex);
  const auto mean = m_mean.find(host);
  if (mean == m_mean.end()) return 0;
  const auto took = std::max(mean->second, Moment::duration(std::chrono::microseconds(1)));
  const auto in_span = static_cast<std::size_t>(k_span_ahead / took);
  return std::min(in_span * m_limits.per_host, k_most_ahead);
}

}  // namespace reelkeep::core
