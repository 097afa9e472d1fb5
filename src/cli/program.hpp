#pragma once

#include <string>
#include <vector>

namespace reelkeep::cli {

/// The whole program: `words` are its arguments without its name. Returns the exit status.
int run(std::vector<std::string> words);

}  // namespace reelkeep::cli
