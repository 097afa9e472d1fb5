#include "http/server.hpp"

#include <mutex>
#include <thread>
#include <utility>

#include "reelkeep/base/thread_name.hpp"

#include "http/listener.hpp"
#include "http/loop.hpp"

namespace reelkeep::http {
namespace {

class EpollServer final : public Server {
 public:
  EpollServer(const ServerOptions& options, Handler handler, Listener listener)
      : m_tls(options.tls),
        m_thread_name(options.thread_name),
        m_address(std::move(listener.address)),
        m_origin((options.tls ? "https://" : "http://") + m_address),
        m_loop(options, std::move(handler), std::move(listener.socket)) {}
  ~EpollServer() override { stop(Duration(0)); }

  Status begin() {
    REELKEEP_TRY(m_loop.prepare());
    REELKEEP_TRY(reload_tls());
    m_thread = std::thread([this] {
      name_this_thread(m_thread_name);
      m_loop.run();
    });
    return {};
  }

  const std::string& address() const noexcept override { return m_address; }
  const std::string& origin() const noexcept override { return m_origin; }

  Status reload_tls() override {
    if (!m_tls) return {};
    REELKEEP_ASSIGN(auto context, TlsServerContext::load(m_tls->certificate, m_tls->key));
    m_loop.use_tls(std::make_shared<const TlsServerContext>(std::move(context)));
    return {};
  }

  void stop(Duration grace) override {
    std::lock_guard lock(m_stop_mutex);
    if (!m_thread.joinable()) return;
    m_loop.stop(grace);
    m_thread.join();
  }

  Duration loop_age() const noexcept override { return m_loop.age(); }
  ServerCounters counters() const noexcept override { return m_loop.counters(); }

 private:
  // constant after construction
  const std::optional<TlsFiles> m_tls;
  const std::string m_thread_name;
  const std::string m_address;
  const std::string m_origin;

  Loop m_loop;  // m_thread only, but for what it says
  std::mutex m_stop_mutex;
  std::thread m_thread;  // guarded by m_stop_mutex once started
};

}  // namespace

Result<std::unique_ptr<Server>> Server::start(const ServerOptions& options, Handler handler) {
  REELKEEP_ASSIGN(auto listener, listen_on(options.listen));
  auto server = std::make_unique<EpollServer>(options, std::move(handler), std::move(listener));
  REELKEEP_TRY(server->begin());
  return std::unique_ptr<Server>(std::move(server));
}

}  // namespace reelkeep::http
