#include <algorithm>
#include <cstring>

#include "fuzz/targets.hpp"
#include "media/container.hpp"
#include "media/judge.hpp"
#include "media/sniff.hpp"

namespace reelkeep::fuzz {
namespace {

/// As much as the judgement of a file may read, whatever its boxes say.
constexpr std::uint64_t k_most_read = 4U << 20U;
constexpr int k_most_reads = 200'000;

struct File {
  std::string_view bytes;
  std::uint64_t size;
  std::uint64_t read = 0;
  int reads = 0;

  media::ReadAt reader() {
    return [this](ByteCount offset, std::span<std::byte> into) -> Result<std::size_t> {
      ++reads;
      demand(offset.get() <= size, "nothing is read beyond the end");
      const auto given = std::min<std::uint64_t>(into.size(), size - offset.get());
      read += given;
      demand(read <= k_most_read && reads <= k_most_reads, "judging reads little");
      std::fill_n(into.begin(), given, std::byte{0});
      if (offset.get() < bytes.size())
        std::memcpy(into.data(), bytes.data() + offset.get(),
                    std::min<std::size_t>(given, bytes.size() - offset.get()));
      return given;
    };
  }
};

}  // namespace

/// One byte says by how many bits the file is longer than the bytes that follow (zeros).
void media(std::string_view input) {
  if (input.empty()) return;
  const auto more = static_cast<unsigned char>(input.front()) % 63U;
  input.remove_prefix(1);
  File file{input, input.size() + (more == 0 ? 0 : std::uint64_t{1} << more)};
  const ByteCount size(file.size);

  const auto moving = media::judge(media::Expectation::moving_picture, size, file.reader());
  const auto other = media::judge(media::Expectation::anything_but_html, size, file.reader());
  for (const Status* status : {&moving, &other})
    if (!*status) demand(status->error().code == Errc::corrupt, "a bad body is corrupt");
  demand(!moving || other, "what is a moving picture is a file");
  if (more != 0) return;
  const auto flavour = media::sniff(
      std::as_bytes(std::span(input.substr(0, std::min(input.size(), media::k_sniffed)))));
  if (input.size() >= media::k_glanced &&
      media::is_binary_at_a_glance(std::as_bytes(std::span(input.substr(0, media::k_glanced)))))
    demand(flavour == media::Flavour::binary, "what is binary at a glance is binary");
  demand(flavour != media::Flavour::html || !other, "HTML is never a file");
  demand(flavour == media::Flavour::binary || !moving, "text is never a moving picture");
  demand(!input.empty() || (!moving && other), "an empty body is no moving picture");
  if (!media::check_container(size, file.reader())) demand(!moving, "a cut container is corrupt");
}

}  // namespace reelkeep::fuzz
