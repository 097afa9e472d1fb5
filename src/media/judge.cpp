#include "media/judge.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "media/container.hpp"
#include "media/sniff.hpp"

namespace reelkeep::media {
namespace {

Error instead_of(Expectation expectation, std::string_view found) {
  const std::string_view wanted =
      expectation == Expectation::moving_picture ? "a recording" : "the file";
  return Error{Errc::corrupt, std::string(found) + " instead of " + std::string(wanted)};
}

Status judge_flavour(Expectation expectation, Flavour flavour) {
  const bool picture = expectation == Expectation::moving_picture;
  switch (flavour) {
    case Flavour::binary:
      return {};
    case Flavour::html:
      return instead_of(expectation, "an HTML page");
    case Flavour::xml:
      return picture ? Status(instead_of(expectation, "an XML document")) : Status();
    case Flavour::json:
      return picture ? Status(instead_of(expectation, "a JSON document")) : Status();
    case Flavour::text:
      return picture ? Status(instead_of(expectation, "plain text")) : Status();
  }
  abort_broken_invariant("a Flavour outside its enumeration");
}

Result<Flavour> flavour_of(ByteCount size, const ReadAt& read) {
  if (size >= ByteCount(k_glanced)) {
    std::array<std::byte, k_glanced> glance{};
    REELKEEP_TRY(read_exactly(size, read, ByteCount(), glance));
    if (is_binary_at_a_glance(glance)) return Flavour::binary;
  }
  std::vector<std::byte> head(std::min<std::uint64_t>(size.get(), k_sniffed));
  REELKEEP_TRY(read_exactly(size, read, ByteCount(), head));
  return sniff(head);
}

}  // namespace

Status judge(Expectation expectation, ByteCount size, const ReadAt& read) {
  if (size == ByteCount()) {
    if (expectation == Expectation::moving_picture) return instead_of(expectation, "an empty body");
    return {};
  }
  REELKEEP_ASSIGN(const Flavour flavour, flavour_of(size, read));
  REELKEEP_TRY(judge_flavour(expectation, flavour));
  return check_container(size, read);
}

}  // namespace reelkeep::media
