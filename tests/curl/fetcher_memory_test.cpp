// How much memory received bytes may take, counted where it is allocated.
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <curl/curl.h>
#include <doctest/doctest.h>
#include <malloc.h>

#include "curl/fetch_bench.hpp"

using namespace reelkeep;
using namespace reelkeep::testing;

namespace {

/// Every byte that libcurl holds in this process, and the most at once since the last reset().
class Held {
 public:
  static void* add(void* memory) noexcept {
    if (memory == nullptr) return nullptr;
    const std::size_t now = s_now += ::malloc_usable_size(memory);
    std::size_t most = s_most;
    while (most < now && !s_most.compare_exchange_weak(most, now)) {
    }
    return memory;
  }
  static void remove(void* memory) noexcept {
    if (memory != nullptr) s_now -= ::malloc_usable_size(memory);
  }
  static void reset() noexcept { s_most = s_now.load(); }
  static std::size_t now() noexcept { return s_now; }
  static std::size_t most() noexcept { return s_most; }

 private:
  static inline std::atomic<std::size_t> s_now{0};
  static inline std::atomic<std::size_t> s_most{0};
};

void* counted_malloc(std::size_t size) noexcept {
  return Held::add(std::malloc(size));
}
void counted_free(void* memory) noexcept {
  Held::remove(memory);
  std::free(memory);
}
void* counted_realloc(void* memory, std::size_t size) noexcept {
  Held::remove(memory);
  void* const larger = std::realloc(memory, size);
  Held::add(larger == nullptr ? memory : larger);
  return larger;
}
char* counted_strdup(const char* text) noexcept {
  const std::size_t size = std::strlen(text) + 1;
  void* const copy = counted_malloc(size);
  return copy == nullptr ? nullptr : static_cast<char*>(std::memcpy(copy, text, size));
}
void* counted_calloc(std::size_t count, std::size_t size) noexcept {
  return Held::add(std::calloc(count, size));
}

/// Before anything else sets libcurl up: the first one decides.
const CURLcode s_counting = curl_global_init_mem(CURL_GLOBAL_DEFAULT, counted_malloc, counted_free,
                                                 counted_realloc, counted_strdup, counted_calloc);

}  // namespace

TEST_CASE("files that come faster than they are written take no memory beyond the buffers") {
  REQUIRE(s_counting == CURLE_OK);
  constexpr std::size_t k_files = 8;
  constexpr std::size_t k_size = 3'000'000;
  constexpr std::size_t k_buffer = 64U << 10U;
  FetchBench bench;
  bench.options.buffers = 2;
  bench.options.buffer_size = k_buffer;
  const std::string content = pattern(k_size);
  bench.server.on("/f", http_answer("200 OK", {"ETag: \"v1\""}, content));
  const std::size_t before = Held::now();
  Held::reset();
  std::vector<std::uint64_t> tickets;
  for (std::size_t i = 0; i < k_files; ++i) tickets.push_back(bench.submit(bench.request("/f")));
  for (const std::uint64_t ticket : tickets) {
    const Fetched fetched = bench.sink.wait(ticket);
    REQUIRE(fetched.status);
    CHECK(fetched.digest == MemoryFile::digest_of(content));
  }
  // What is received at once, at most as much that found no room, and what a connection needs.
  const std::size_t at_once = std::max<std::size_t>(k_buffer / 8, CURL_MAX_WRITE_SIZE);
  CHECK(Held::most() - before <= k_files * (2 * at_once + (24U << 10U)));
}
