#include "curl/buffer_pool.hpp"

#include <cstring>
#include <utility>

namespace reelkeep::curl {

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
  // Not value-initialised: untouched pages cost nothing, so a small body takes little.
  return Buffer(std::make_unique_for_overwrite<std::byte[]>(m_buffer_size), m_buffer_size);
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
    unused.swap(m_free);
    m_free.reserve(m_count);
  }
}

}  // namespace reelkeep::curl
