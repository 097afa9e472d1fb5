#pragma once

#include <cstddef>
#include <memory>

#include "reelkeep/port/fetcher.hpp"

namespace reelkeep::curl {

struct FetcherOptions {
  std::size_t loops = 1;                ///< threads that receive
  std::size_t writers = 2;              ///< threads that write, hash and sync
  std::size_t buffers = 16;             ///< body bytes on their way from loop to writer, at most
  std::size_t buffer_size = 1U << 20U;  ///< bytes of one of them
};

/// The Fetcher on libcurl. `sink` is borrowed and must outlive it; it is called on the writers.
/// Memory does not depend on the sizes of files: buffers * buffer_size, and about 1 MiB for each
/// running transfer.
std::unique_ptr<Fetcher> make_fetcher(FetchSink& sink, const FetchLimits& limits,
                                      FetcherOptions options = {});

}  // namespace reelkeep::curl
