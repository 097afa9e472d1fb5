#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "reelkeep/base/result.hpp"
#include "reelkeep/model/event.hpp"

#include "json/value.hpp"

namespace reelkeep::testing {

/// A folder of tests/cases/webhook; its README.md tells the format.
struct WebhookCase {
  std::string name;
  std::string body;
  Timestamp received_at;
  std::vector<std::string> volatile_query;
  json::Value expected;  ///< expect.json without what is input
};

/// All of them, by name. A case that cannot be read fails the test that asks.
std::vector<WebhookCase> webhook_cases();

/// What decode() returned, in the form of expect.json.
std::string described(const Result<Decoded>& decoded);

/// Equal whatever the order of members.
bool same(const json::Value& a, const json::Value& b);

}  // namespace reelkeep::testing
