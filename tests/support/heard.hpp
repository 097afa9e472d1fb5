#pragma once

#include <cstdio>
#include <doctest/doctest.h>
#include <functional>
#include <memory>
#include <string>
#include <unistd.h>

#include "reelkeep/base/log.hpp"
#include "reelkeep/base/unique_fd.hpp"

namespace reelkeep::testing {

/// What `speak` writes to stderr, with the default configuration put back afterwards.
inline std::string heard(const std::function<void()>& speak) {
  struct Closed {
    void operator()(std::FILE* file) const noexcept { std::fclose(file); }
  };
  const std::unique_ptr<std::FILE, Closed> file(std::tmpfile());
  REQUIRE(file != nullptr);
  std::fflush(stderr);
  const UniqueFd before(::dup(STDERR_FILENO));
  ::dup2(::fileno(file.get()), STDERR_FILENO);
  speak();
  std::fflush(stderr);
  ::dup2(before.get(), STDERR_FILENO);
  log::configure(log::Level::info, log::Format::text);
  std::string text;
  std::rewind(file.get());
  for (int c = std::fgetc(file.get()); c != EOF; c = std::fgetc(file.get()))
    text += static_cast<char>(c);
  return text;
}

}  // namespace reelkeep::testing
