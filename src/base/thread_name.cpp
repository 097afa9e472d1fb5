#include "reelkeep/base/thread_name.hpp"

#include <pthread.h>

namespace reelkeep {

void name_this_thread(const std::string& name) noexcept {
  constexpr std::size_t k_most = 15;
  // It fails for a longer name only; nothing depends on it.
  (void)::pthread_setname_np(::pthread_self(), name.substr(0, k_most).c_str());
}

}  // namespace reelkeep
