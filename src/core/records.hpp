#pragma once

#include <string>
#include <string_view>

#include "reelkeep/base/result.hpp"
#include "reelkeep/model/record.hpp"

// The bodies of journal rows of kind `command` and `outcome`: JSON with a version, `{"v":1,...}`.
// They outlive the program that wrote them: a journal is read back after years. What version 1
// looks like never changes; a reader of version 1 ignores members that it does not know.
// All pure; any thread.
namespace reelkeep {

[[nodiscard]] std::string encode(const Command& command);
[[nodiscard]] std::string encode(const Outcome& outcome);

/// Errc::invalid for what is no JSON, of another version or type, or lacks a member: the row is
/// quarantined with that reason.
[[nodiscard]] Result<Command> decode_command(std::string_view body);
[[nodiscard]] Result<Outcome> decode_outcome(std::string_view body);

}  // namespace reelkeep
