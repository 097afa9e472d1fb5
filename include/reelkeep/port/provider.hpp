#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "reelkeep/base/result.hpp"
#include "reelkeep/base/secret.hpp"
#include "reelkeep/model/event.hpp"

namespace reelkeep {

/// Further query parameters that do not identify a file, per project.
using VolatileQuery = std::function<const std::vector<std::string>&(const AppId&)>;

/// The provider's language. Pure; any thread.
class Provider {
 public:
  virtual ~Provider() = default;
  /// A webhook body. An Error (Errc::invalid) is the quarantine reason; an unknown type is a
  /// success with `known_type` false. `received_at` bounds what trans_date is believed.
  [[nodiscard]] virtual Result<Decoded> decode(std::string_view body,
                                               Timestamp received_at) const = 0;
  /// One item of an archive listing (ProviderApi::archive), which may lack anything but its
  /// conf_num: no events when it lists no file. `asked_for`: the app_id of an item without one.
  /// A session that has files listed is over, so that its CDR is due as well.
  [[nodiscard]] virtual Result<Decoded> decode_listed(std::string_view item, const AppId& asked_for,
                                                      Timestamp received_at) const = 0;
  /// Is the answer to a question for a CDR worth keeping? Errc::unavailable: it has no row yet, or
  /// it is a refusal, in the provider's words (without the pair that was `sent`); Errc::corrupt:
  /// something else came.
  [[nodiscard]] virtual Status judge_cdr(std::string_view answer,
                                         const std::optional<Credential>& sent) const = 0;
};

}  // namespace reelkeep
