#pragma once

#include <curl/curl.h>
#include <memory>
#include <signal.h>

namespace reelkeep::curl {

struct EasyDeleter {
  void operator()(CURL* easy) const noexcept { curl_easy_cleanup(easy); }
};
struct MultiDeleter {
  void operator()(CURLM* multi) const noexcept { curl_multi_cleanup(multi); }
};
struct ListDeleter {
  void operator()(curl_slist* list) const noexcept { curl_slist_free_all(list); }
};
using Easy = std::unique_ptr<CURL, EasyDeleter>;
using Multi = std::unique_ptr<CURLM, MultiDeleter>;

/// Header lines of a request; must outlive the request.
class HeaderList {
 public:
  void add(const char* line) {
    if (curl_slist* longer = curl_slist_append(m_list.get(), line); longer != nullptr) {
      static_cast<void>(m_list.release());
      m_list.reset(longer);
    }
  }
  void clear() noexcept { m_list.reset(); }
  [[nodiscard]] curl_slist* get() const noexcept { return m_list.get(); }

 private:
  std::unique_ptr<curl_slist, ListDeleter> m_list;
};

/// Sets libcurl up once for the process. Any thread, before any handle.
void initialise();

/// Blocks all signals for threads that are started while it lives: they belong to main.
/// SIGPIPE too: OpenSSL writes to closed connections, and CURLOPT_NOSIGNAL leaves it to us.
class SignalsBlocked {
 public:
  SignalsBlocked() noexcept;
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;
  ~SignalsBlocked();

 private:
  sigset_t m_before;
};

/// Keeps SIGPIPE away from the calling thread while it lives; one that came meanwhile is dropped.
class PipeSignalBlocked {
 public:
  PipeSignalBlocked() noexcept;
  PipeSignalBlocked(const PipeSignalBlocked&) = delete;
  PipeSignalBlocked& operator=(const PipeSignalBlocked&) = delete;
  ~PipeSignalBlocked();

 private:
  sigset_t m_before;
  bool m_was_pending = false;
};

}  // namespace reelkeep::curl
