#pragma once

#include <memory>
#include <optional>
#include <string>

#include "reelkeep/port/destination.hpp"

namespace reelkeep::contract {

/// A destination of its own for each case, and a way to its files that does not go through it.
class DestinationPlace {
 public:
  virtual ~DestinationPlace() = default;
  virtual std::unique_ptr<Destination> make() = 0;
  /// The location of a path, as a file_transfer would tell it.
  virtual std::string location(const std::string& path) = 0;
  virtual void put(const std::string& path, const std::string& bytes) = 0;
  /// What is there; nothing: no file.
  virtual std::optional<std::string> bytes(const std::string& path) = 0;
  /// Whether it can tell that bytes changed.
  virtual bool has_versions() { return true; }
  /// Whether what was moved can be told from another file of its size.
  virtual bool marks_moves() { return false; }
};

/// The suite: every implementation runs it.
void destination_contract(DestinationPlace& place);

}  // namespace reelkeep::contract
