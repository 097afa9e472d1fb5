#include "curl/fetch_bench.hpp"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <stdexcept>

#include "reelkeep/base/text.hpp"

namespace reelkeep::testing {

void RecordingSink::checkpointed(Checkpoint checkpoint) {
  std::lock_guard lock(m_mutex);
  m_checkpoints.push_back(std::move(checkpoint));
  m_arrived.notify_all();
}

void RecordingSink::fetched(Fetched fetched) {
  std::lock_guard lock(m_mutex);
  ++m_completions[fetched.ticket];
  m_in_memory[fetched.ticket].assign(reinterpret_cast<const char*>(fetched.body.data()),
                                     fetched.body.size());
  fetched.body = {};  // it is gone when this returns
  m_fetched.insert_or_assign(fetched.ticket, std::move(fetched));
  m_arrived.notify_all();
}

Fetched RecordingSink::wait(std::uint64_t ticket) {
  std::unique_lock lock(m_mutex);
  if (!m_arrived.wait_for(lock, std::chrono::seconds(60),
                          [&] { return m_fetched.contains(ticket); }))
    throw std::runtime_error("no completion came");
  Fetched fetched = std::move(m_fetched.at(ticket));
  m_fetched.erase(ticket);
  return fetched;
}

std::vector<Checkpoint> RecordingSink::checkpoints() const {
  std::lock_guard lock(m_mutex);
  return m_checkpoints;
}

std::size_t RecordingSink::completions() const {
  std::lock_guard lock(m_mutex);
  std::size_t all = 0;
  for (const auto& [ticket, count] : m_completions) all += count;
  return all;
}

std::size_t RecordingSink::completions(std::uint64_t ticket) const {
  std::lock_guard lock(m_mutex);
  const auto found = m_completions.find(ticket);
  return found == m_completions.end() ? 0 : found->second;
}

std::string RecordingSink::in_memory(std::uint64_t ticket) const {
  std::lock_guard lock(m_mutex);
  const auto found = m_in_memory.find(ticket);
  return found == m_in_memory.end() ? "" : found->second;
}

FetchBench::FetchBench() {
  limits.stall_timeout = Duration(20'000);
}

Fetcher& FetchBench::the_fetcher() {
  if (!fetcher) fetcher = curl::make_fetcher(sink, limits, options);
  return *fetcher;
}

FetchRequest FetchBench::request(const std::string& target, std::string content,
                                 std::optional<ResumePoint> resume, MemoryFileHooks hooks) {
  FetchRequest request;
  request.ticket = ++last_ticket;
  request.url = Url::parse(server.url(target)).value();
  request.credential = Credential{"user", Secret("p@ss:word")};
  request.rules.hosts = {HostPattern::parse(server.authority()).value()};
  request.rules.allow_plain_http = true;
  request.rules.allow_private_addresses = true;
  request.file = std::make_unique<MemoryFile>(std::move(content), std::move(hooks));
  request.resume = std::move(resume);
  // The whole suite runs a second time with it: see CMakeLists.txt.
  if (std::getenv("REELKEEP_TEST_SHORT_BODIES") != nullptr) request.unsynced_up_to = 1_MiB;
  return request;
}

std::uint64_t FetchBench::submit(FetchRequest request) {
  const std::uint64_t ticket = request.ticket;
  the_fetcher().submit(std::move(request));
  return ticket;
}

Fetched FetchBench::fetch(FetchRequest request) {
  return sink.wait(submit(std::move(request)));
}

const MemoryFile& file_of(const Fetched& fetched) {
  return dynamic_cast<const MemoryFile&>(*fetched.file);
}

const std::string& bytes_of(const Fetched& fetched) {
  return file_of(fetched).bytes;
}

std::string difference(std::string_view got, std::string_view wanted) {
  if (got == wanted) return {};
  const auto at = std::ranges::mismatch(got, wanted).in1 - got.begin();
  return std::to_string(got.size()) + " bytes instead of " + std::to_string(wanted.size()) +
         ", the first difference at " + std::to_string(at);
}

std::string pattern(std::size_t size) {
  std::string bytes(size, '\0');
  std::uint64_t state = 88172645463325252ULL;
  for (char& byte : bytes) {
    state ^= state << 13U;
    state ^= state >> 7U;
    state ^= state << 17U;
    byte = static_cast<char>(state);
  }
  return bytes;
}

std::string pair_header() {
  return "Basic " + text::to_base64("user:p@ss:word");
}

}  // namespace reelkeep::testing
