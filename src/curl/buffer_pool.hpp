#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <utility>
#include <vector>

namespace reelkeep::curl {

/// Gives pages back to the system. Buffers are mapped, not taken from the heap: among libcurl's own
/// large blocks they would leave holes that cost more memory than they hold.
struct Unmap {
  std::size_t length = 0;
  void operator()(std::byte* bytes) const noexcept;
};
using Pages = std::unique_ptr<std::byte[], Unmap>;

/// Body bytes on their way from a loop to a writer, or of a short body until it is judged.
struct Buffer {
  Pages bytes;
  std::size_t capacity = 0;
  std::size_t size = 0;
  Buffer() = default;
  explicit Buffer(Pages pages) noexcept
      : bytes(std::move(pages)), capacity(bytes.get_deleter().length) {}
  Buffer(Buffer&& other) noexcept
      : bytes(std::move(other.bytes)),
        capacity(std::exchange(other.capacity, 0)),
        size(std::exchange(other.size, 0)) {}
  Buffer& operator=(Buffer&& other) noexcept {
    bytes = std::move(other.bytes);
    capacity = std::exchange(other.capacity, 0);
    size = std::exchange(other.size, 0);
    return *this;
  }
  explicit operator bool() const noexcept { return bytes != nullptr; }
  [[nodiscard]] std::size_t space() const noexcept { return capacity - size; }
  [[nodiscard]] std::span<const std::byte> content() const noexcept { return {bytes.get(), size}; }
  void append(std::span<const std::byte> more) noexcept;
};

/// The bound of the memory that bodies take. Any thread.
class BufferPool {
 public:
  /// `returned` is called after each give_back, on the giver's thread, outside any lock.
  BufferPool(std::size_t count, std::size_t buffer_size, std::function<void()> returned);
  /// An empty buffer; none (false): all are in use.
  [[nodiscard]] Buffer take();
  void give_back(Buffer buffer);
  [[nodiscard]] std::size_t count() const noexcept { return m_count; }
  [[nodiscard]] std::size_t buffer_size() const noexcept { return m_buffer_size; }
  /// Whether take() would give one now.
  [[nodiscard]] bool has_free() const;
  /// Gives memory back to the system, unless somebody uses some of it.
  void trim();

 private:
  const std::size_t m_count;
  const std::size_t m_buffer_size;
  const std::function<void()> m_returned;
  mutable std::mutex m_mutex;
  std::vector<Buffer> m_free;  // guarded by m_mutex; the last given back is warm, and taken first
  std::size_t m_in_use = 0;    // guarded by m_mutex
};

}  // namespace reelkeep::curl
