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

/// A shorter beginning that is enough for most media files.
inline constexpr std::size_t k_glanced = 4U * 1024U;

/// Whether sniff() says Flavour::binary of every body that begins with `head`, which is at least
/// k_glanced bytes long.
[[nodiscard]] bool is_binary_at_a_glance(std::span<const std::byte> head);

}  // namespace reelkeep::media
