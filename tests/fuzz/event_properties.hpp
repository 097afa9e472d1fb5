#pragma once

#include "reelkeep/model/event.hpp"

// What holds for every event, whichever bytes it was read from.
namespace reelkeep::fuzz {

/// What was read from a webhook body or an item of a listing: each event belongs to the session
/// that the bytes name, and what it offers can be asked for.
void check_decoded(const Decoded& decoded);

}  // namespace reelkeep::fuzz
