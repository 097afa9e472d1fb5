#include "curl/buffer_pool.hpp"

#include <cstring>
#include <sys/mman.h>
#include <utility>

#include "reelkeep/base/error.hpp"

namespace reelkeep::curl {
namespace {

/// Pages cost nothing before they are touched: a small body takes little.
Pages map_pages(std::size_t length) {
  void* const memory =
      ::mmap(nullptr, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) abort_broken_invariant("no memory for a buffer");
  return Pages(static_cast<std::byte*>(memory), Unmap{length});
}

}  // namespace

void Unmap::operator()(std::byte* bytes) const noexcept {
  ::munmap(bytes, length);
}

void Buffer::append(std::span<const std::byte> more) noexcept {
  std::memcpy(bytes.get() + size, more.data(), more.size());
  size += more.size();
}

BufferPool::BufferPool(std::size_t count, std::size_t buffer_size, std::function<void()> returned)
    : m_count(count), m_buffer_size(buffer_size), m_returned(std::move(returned)) {
  m_free.reserve(count);
}

Buffer BufferPool::take() {
  {
    std::lock_guard lock(m_mutex);
    if (m_in_use >= m_count) return {};
    ++m_in_use;
    if (!m_free.empty()) {
      Buffer buffer = std::move(m_free.back());
      m_free.pop_back();
      return buffer;
    }
  }
  return Buffer(map_pages(m_buffer_size));
}

void BufferPool::give_back(Buffer buffer) {
  buffer.size = 0;
  {
    std::lock_guard lock(m_mutex);
    --m_in_use;
    m_free.push_back(std::move(buffer));
  }
  m_returned();
}

bool BufferPool::has_free() const {
  std::lock_guard lock(m_mutex);
  return m_in_use < m_count;
}

void BufferPool::trim() {
  std::vector<Buffer> unused;
  {
    std::lock_guard lock(m_mutex);
    if (m_in_use > 0) return;
    unused.swap(m_free);
    m_free.reserve(m_count);
  }
}

}  // namespace reelkeep::curl
