#pragma once

#include "reelkeep/base/byte_count.hpp"
#include "reelkeep/base/result.hpp"

#include "media/read_at.hpp"

namespace reelkeep::media {

/// What a body has to be, by the kind of its artifact.
enum class Expectation {
  moving_picture,     ///< recording, transcoded, live_recording: not empty, HTML, XML, JSON or text
  anything_but_html,  ///< every other kind; may be empty
};

/// Judges complete bytes by what they are, never by name or Content-Type, and never against a list
/// of formats: unknown binary is accepted. Pure but for `read`; any thread; reads the first 64 KiB
/// and then at most a few headers per top-level element of an MP4, MOV or Matroska container.
/// Errc::corrupt says in words what the bytes are instead; an error of `read` is handed on.
Status judge(Expectation expectation, ByteCount size, const ReadAt& read);

}  // namespace reelkeep::media
