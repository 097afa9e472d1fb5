// The door of libFuzzer to one target: REELKEEP_FUZZ_TARGET names it.
#include <cstddef>
#include <cstdint>

#include "fuzz/targets.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  reelkeep::fuzz::REELKEEP_FUZZ_TARGET({reinterpret_cast<const char*>(bytes), size});
  return 0;
}
