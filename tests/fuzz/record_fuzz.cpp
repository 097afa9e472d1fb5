#include "reelkeep/base/text.hpp"

#include "core/records.hpp"
#include "fuzz/targets.hpp"

namespace reelkeep::fuzz {
namespace {

template <class Decode>
void check(std::string_view body, Decode decode) {
  const auto record = decode(body);
  if (!record) {
    demand(record.error().code == Errc::invalid, "what cannot be read is invalid");
    demand(text::printable(record.error().message) == record.error().message,
           "the reason is fit to be shown");
    return;
  }
  const std::string written = encode(*record);
  const auto again = decode(written);
  demand(again.has_value(), "a record can be written and read again");
  demand(encode(*again) == written, "a record read again is the same");
}

}  // namespace

void record(std::string_view input) {
  check(input, decode_command);
  check(input, decode_outcome);
}

}  // namespace reelkeep::fuzz
