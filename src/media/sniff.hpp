#pragma once

#include <cstddef>
#include <span>

namespace reelkeep::media {

/// What the beginning of a body looks like.
enum class Flavour { binary, html, xml, json, text };

/// Enough of a body to see through a long comment at its beginning.
inline constexpr std::size_t k_sniffed = 64U * 1024U;

/// `head`: the first k_sniffed bytes, or all there are. Sees through byte order marks, UTF-16,
/// leading white space, comments, processing instructions and case. HTML is told by its first tag,
/// whatever follows; text only by the absence of anything binary in the first 4 KiB.
[[nodiscard]] Flavour sniff(std::span<const std::byte> head);

}  // namespace reelkeep::media
