#pragma once

#include <cstddef>
#include <memory>

#include "reelkeep/port/fetcher.hpp"

namespace reelkeep::curl {

/// When one file is fetched over several connections, and in which pieces.
struct RangeTuning {
  std::size_t connections = 16;  ///< at most, whatever is granted
  ByteCount worth = 16_MiB;      ///< with less to come it is not
  Duration long_enough{2000};    ///< nor when all is here within this
  Duration look{250};            ///< of waiting for bytes, until a connection is judged
  /// Bytes per second of one connection that are no reason for another: about what a machine can
  /// hash, write and sync beside others.
  std::uint64_t fast = std::uint64_t{64} << 20U;
  ByteCount least = 1_MiB;  ///< of a piece, but at the end of the file
  ByteCount most = 128_MiB;
  Duration patience{5000};  ///< with a connection that is much slower than the others
};

struct FetcherOptions {
  std::size_t loops = 2;                ///< threads that receive
  std::size_t writers = 2;              ///< threads that write, hash and sync
  std::size_t buffers = 16;             ///< of body bytes that are not written yet, at most
  std::size_t buffer_size = 1U << 20U;  ///< bytes of one of them
  RangeTuning ranges;
};

/// The Fetcher on libcurl. `sink` is borrowed and must outlive it; it is called on the loops and
/// writers. Memory does not depend on the sizes of files: buffers * buffer_size, and about 1 MiB
/// for each running transfer.
std::unique_ptr<Fetcher> make_fetcher(FetchSink& sink, const FetchLimits& limits,
                                      FetcherOptions options = {});

}  // namespace reelkeep::curl
