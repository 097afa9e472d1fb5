#include "curl/http_client.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <mutex>
#include <span>
#include <utility>
#include <vector>

#include "reelkeep/base/text.hpp"

#include "curl/answer_head.hpp"
#include "curl/handle.hpp"
#include "curl/transport.hpp"

namespace reelkeep::curl {
namespace {

constexpr std::size_t k_idle_handles = 16;

/// A request that streams is given up when it is slower than this for its timeout.
constexpr long k_slowest_bytes_per_second = 1024;
constexpr long k_upload_buffer = 256L * 1024;

/// What the callbacks of one request fill and drain.
struct Reception {
  const HttpRequest& request;
  std::size_t most = 0;
  AnswerHead head{};
  std::string body{};
  ByteCount sent{};
  std::optional<Error> failure{};

  static std::size_t on_header(char* line, std::size_t size, std::size_t count,
                               void* self) noexcept {
    auto& reception = *static_cast<Reception*>(self);
    try {
      if (reception.head.add({line, size * count}) != AnswerHead::Line::too_large)
        return size * count;
      reception.failure = Error{Errc::corrupt, "answers with more than 64 KiB of header"};
    } catch (const std::exception& exception) {
      reception.failure = Error{Errc::internal, exception.what()};
    }
    return 0;
  }

  static std::size_t on_body(char* bytes, std::size_t size, std::size_t count,
                             void* self) noexcept {
    auto& reception = *static_cast<Reception*>(self);
    try {
      const int status = reception.head.status();
      if (reception.request.answer_sink && status >= 200 && status < 300) {
        const Status taken = reception.request.answer_sink(
            std::as_bytes(std::span<const char>(bytes, size * count)));
        if (taken) return size * count;
        reception.failure = taken.error();
        return 0;
      }
      if (size * count <= reception.most - reception.body.size()) {
        reception.body.append(bytes, size * count);
        return size * count;
      }
      reception.failure =
          Error{Errc::corrupt, "answers with more than " + to_string(ByteCount(reception.most))};
    } catch (const std::exception& exception) {
      reception.failure = Error{Errc::internal, exception.what()};
    }
    return 0;
  }

  static std::size_t on_send(char* into, std::size_t size, std::size_t count, void* self) noexcept {
    auto& reception = *static_cast<Reception*>(self);
    try {
      const ByteCount left = reception.request.body_size - reception.sent;
      const auto most = static_cast<std::size_t>(std::min<std::uint64_t>(left.get(), size * count));
      if (most == 0) return 0;
      auto got = reception.request.body_source(reception.sent,
                                               std::as_writable_bytes(std::span<char>(into, most)));
      if (got && *got > 0 && *got <= most) {
        reception.sent += ByteCount(*got);
        return *got;
      }
      reception.failure =
          got ? Error{Errc::internal, "the body of a request ended early"} : got.error();
    } catch (const std::exception& exception) {
      reception.failure = Error{Errc::internal, exception.what()};
    }
    return CURL_READFUNC_ABORT;
  }

  /// A kept connection that turned out to be closed: the body is sent again on a new one.
  static int on_seek(void* self, curl_off_t offset, int origin) noexcept {
    if (origin != SEEK_SET || offset < 0) return CURL_SEEKFUNC_CANTSEEK;
    static_cast<Reception*>(self)->sent = ByteCount(static_cast<std::uint64_t>(offset));
    return CURL_SEEKFUNC_OK;
  }

  static int on_progress(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t) noexcept {
    auto& reception = *static_cast<Reception*>(self);
    if (reception.request.cancelled == nullptr || !*reception.request.cancelled) return 0;
    reception.failure = Error{Errc::cancelled, "stopped"};
    return 1;
  }
};

HeaderList header_lines(const HttpRequest& request) {
  HeaderList lines;
  lines.add("Expect:");  // no waiting for 100-continue
  bool has_type = false;
  for (const auto& [name, value] : request.headers) {
    has_type = has_type || text::equals_ignoring_case(name, "content-type");
    // libcurl writes a field without a value only when it ends in a semicolon.
    lines.add((value.empty() ? name + ";" : name + ": " + value).c_str());
  }
  if (!has_type) lines.add("Content-Type:");  // libcurl would call any body a form
  return lines;
}

Status check(const HttpRequest& request) {
  const auto is_bad = [](const std::string& text) {
    return text.find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos;
  };
  bool bad = request.method.empty() || is_bad(request.method);
  for (const auto& [name, value] : request.headers)
    bad = bad || name.empty() || is_bad(name) || is_bad(value);
  if (bad) return Error{Errc::internal, "a header of a request is malformed"};
  if (request.url.scheme() != "http" && request.url.scheme() != "https")
    return Error{Errc::invalid, request.url.scheme() + " is neither http nor https"};
  return {};
}

class CurlHttpClient final : public HttpClient {
 public:
  explicit CurlHttpClient(HttpClientOptions options)
      : m_transport{std::move(options.ca_file), std::move(options.proxy), options.connect_timeout} {
    initialise();
  }

  Result<HttpAnswer> send(const HttpRequest& request) override {
    REELKEEP_TRY(check(request));
    const PipeSignalBlocked signals;
    Easy easy = take();
    std::array<char, CURL_ERROR_SIZE> error_buffer{};
    const HeaderList lines = header_lines(request);
    Reception reception{.request = request,
                        .most = static_cast<std::size_t>(request.max_answer.get())};

    configure(easy.get(), m_transport, error_buffer.data());
    address(easy.get(), request.url, request.credential ? &*request.credential : nullptr);
    set_method(easy.get(), request, reception);
    set_limits(easy.get(), request, reception);
    curl_easy_setopt(easy.get(), CURLOPT_HTTPHEADER, lines.get());
    curl_easy_setopt(easy.get(), CURLOPT_HEADERFUNCTION, &Reception::on_header);
    curl_easy_setopt(easy.get(), CURLOPT_HEADERDATA, &reception);
    curl_easy_setopt(easy.get(), CURLOPT_WRITEFUNCTION, &Reception::on_body);
    curl_easy_setopt(easy.get(), CURLOPT_WRITEDATA, &reception);
    const CURLcode code = curl_easy_perform(easy.get());

    std::optional<Error> error;
    if (reception.failure)
      error = reception.failure->within(request.url.authority());
    else if (code != CURLE_OK)
      error = transport_error(easy.get(), code, request.url, m_transport, error_buffer.data());
    curl_easy_reset(easy.get());  // it points into this frame
    put_back(std::move(easy));
    if (error) return std::move(*error);

    HttpAnswer answer;
    answer.status = reception.head.status();
    answer.headers = std::move(reception.head).take_fields();
    answer.body = std::move(reception.body);
    return answer;
  }

 private:
  static void set_limits(CURL* easy, const HttpRequest& request, Reception& reception) {
    if (request.body_source || request.answer_sink) {
      const auto seconds = std::chrono::ceil<std::chrono::seconds>(request.timeout).count();
      curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, k_slowest_bytes_per_second);
      curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, static_cast<long>(seconds));
    } else {
      curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, static_cast<long>(request.timeout.count()));
    }
    if (request.cancelled == nullptr) return;
    curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, &Reception::on_progress);
    curl_easy_setopt(easy, CURLOPT_XFERINFODATA, &reception);
  }

  static void set_method(CURL* easy, const HttpRequest& request, Reception& reception) {
    if (request.body_source) {
      curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
      curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, k_upload_buffer);
      curl_easy_setopt(easy, CURLOPT_INFILESIZE_LARGE,
                       static_cast<curl_off_t>(request.body_size.get()));
      curl_easy_setopt(easy, CURLOPT_READFUNCTION, &Reception::on_send);
      curl_easy_setopt(easy, CURLOPT_READDATA, &reception);
      curl_easy_setopt(easy, CURLOPT_SEEKFUNCTION, &Reception::on_seek);
      curl_easy_setopt(easy, CURLOPT_SEEKDATA, &reception);
      curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request.method.c_str());
      return;
    }
    const bool has_body = !request.body.empty() || request.method == "POST" ||
                          request.method == "PUT" || request.method == "PATCH";
    if (has_body) {
      // Borrowed, not copied; set before POSTFIELDS, since a body may hold zeros.
      curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
                       static_cast<curl_off_t>(request.body.size()));
      curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request.body.data());
    } else if (request.method == "HEAD") {
      curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    } else {
      curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
    }
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request.method.c_str());
  }

  Easy take() {
    {
      std::lock_guard lock(m_mutex);
      if (!m_idle.empty()) {
        Easy easy = std::move(m_idle.back());
        m_idle.pop_back();
        return easy;
      }
    }
    Easy easy(curl_easy_init());
    if (!easy) abort_broken_invariant("no memory for a request");
    return easy;
  }

  void put_back(Easy easy) {
    std::lock_guard lock(m_mutex);
    if (m_idle.size() < k_idle_handles) m_idle.push_back(std::move(easy));
  }

  const Transport m_transport;  ///< constant after construction
  std::mutex m_mutex;
  std::vector<Easy> m_idle;  // guarded by m_mutex; each keeps its connections
};

}  // namespace

std::unique_ptr<HttpClient> make_http_client(HttpClientOptions options) {
  return std::make_unique<CurlHttpClient>(std::move(options));
}

}  // namespace reelkeep::curl
