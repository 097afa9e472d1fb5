#pragma once

#include <condition_variable>
#include <functional>
#include <limits>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "curl/fetch_bench.hpp"

// A file that a scripted server sends so slowly, or so badly, that it is fetched in ranges.
namespace reelkeep::testing {

inline constexpr std::size_t k_size = 600'000;
/// What the first answer sends before it waits for others to ask.
inline constexpr std::size_t k_shown = 100'000;

struct Asked {
  std::size_t first = 0;
  std::size_t last = 0;
};

inline std::optional<Asked> asked_range(const SeenRequest& request) {
  const auto range = request.header("range");
  if (!range) return std::nullopt;
  const std::string text = range->substr(std::string("bytes=").size());
  const auto dash = text.find('-');
  Asked asked{std::stoul(text.substr(0, dash)), k_size - 1};
  if (dash + 1 < text.size()) asked.last = std::stoul(text.substr(dash + 1));
  return asked;
}

inline std::string part(const std::string& content, const Asked& asked, const std::string& etag,
                        std::size_t total) {
  return http_answer(
      "206 Partial Content",
      {"ETag: " + etag, "Content-Range: bytes " + std::to_string(asked.first) + "-" +
                            std::to_string(asked.last) + "/" + std::to_string(total)},
      content.substr(asked.first, asked.last - asked.first + 1));
}

/// Sends what is shown of a file that takes ranges, and gives what is left of the answer.
inline std::string show_beginning(ServerConnection& connection, const std::string& content) {
  const std::string answer =
      http_answer("200 OK", {"ETag: \"v1\"", "Accept-Ranges: bytes"}, content);
  connection.send(std::string_view(answer).substr(0, k_shown));
  return answer.substr(k_shown);
}

/// Lives as long as a connection of the server needs it.
struct SlowFileState {
  void whole(ServerConnection& connection) {
    std::string body;
    bool is_first = false;
    {
      std::lock_guard lock(mutex);
      is_first = ++wholes == 1;
      body = content;
    }
    const std::string answer = http_answer("200 OK", headers, body);
    if (!is_first) {
      connection.send(answer);
      return;
    }
    const std::size_t shown = answer.size() - body.size() + k_shown;
    connection.send(std::string_view(answer).substr(0, shown));
    {
      std::unique_lock lock(mutex);
      changed.wait_for(lock, std::chrono::seconds(60),
                       [&] { return ranges >= wanted && (is_ahead || !waits_for_ahead); });
      if (ends_early) {
        connection.reset();
        return;
      }
    }
    if (holds_back)
      connection.wait_until_closed();
    else
      connection.send(std::string_view(answer).substr(shown));
  }

  std::vector<std::string> headers{"ETag: \"v1\"", "Accept-Ranges: bytes"};
  bool ends_early = false;
  bool holds_back = false;
  bool waits_for_ahead = false;
  std::mutex mutex;
  std::condition_variable changed;
  std::string content;     ///< guarded by mutex
  std::size_t ranges = 0;  ///< guarded by mutex
  std::size_t wholes = 0;  ///< guarded by mutex
  bool is_ahead = false;   ///< guarded by mutex: bytes beyond those shown are being written
  std::size_t wanted = 1;
};

/// Shows the start of a file and keeps the rest back until `wanted` ranges were asked for.
struct SlowFile {
  using Helper = std::function<void(ServerConnection&, const SeenRequest&, const Asked&)>;

  SlowFile(FetchBench& bench, std::string file_content, Helper on_range, std::size_t needed = 1) {
    state->content = std::move(file_content);
    state->wanted = needed;
    bench.server.on(
        "/f", [shared = state, on_range](ServerConnection& connection, const SeenRequest& request) {
          const auto asked = asked_range(request);
          if (!asked) return shared->whole(connection);
          {
            std::lock_guard lock(shared->mutex);
            ++shared->ranges;
            shared->changed.notify_all();
          }
          on_range(connection, request, *asked);
        });
  }

  const std::shared_ptr<SlowFileState> state = std::make_shared<SlowFileState>();
};

/// Splits as soon as something can be split.
inline void be_eager(FetchBench& bench) {
  bench.options.ranges.worth = 64_KiB;
  bench.options.ranges.long_enough = Duration(0);
  bench.options.ranges.look = Duration(0);
  bench.options.ranges.fast = std::numeric_limits<std::uint64_t>::max();
  bench.options.ranges.least = 16_KiB;
  bench.options.ranges.most = 64_KiB;
}

/// Lets a file that waits for it know when bytes were written ahead of what it has shown.
inline MemoryFileHooks noting_ahead(std::shared_ptr<SlowFileState> state) {
  MemoryFileHooks hooks;
  hooks.before_append = [state = std::move(state)](ByteCount at, std::size_t) {
    std::lock_guard lock(state->mutex);
    state->is_ahead = state->is_ahead || at > ByteCount(k_shown);
    state->changed.notify_all();
    return Status();
  };
  return hooks;
}

inline FetchRequest request_over(FetchBench& bench, std::size_t connections,
                                 MemoryFileHooks hooks = {}) {
  FetchRequest request = bench.request("/f", {}, std::nullopt, std::move(hooks));
  request.connections = connections;
  return request;
}

inline SlowFile::Helper honest(const std::string& content) {
  return [content](ServerConnection& connection, const SeenRequest&, const Asked& asked) {
    connection.send(part(content, asked, "\"v1\"", content.size()));
  };
}

}  // namespace reelkeep::testing
