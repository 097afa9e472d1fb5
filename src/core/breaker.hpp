#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "core/policy.hpp"

namespace reelkeep::core {

/// For people: what waits for which credential.
struct OpenBreaker {
  std::string key;  ///< the project block's app_id
  Timestamp since;
  Timestamp next_probe;
};

/// What a project's credentials are for.
enum class Access { files, api };
[[nodiscard]] constexpr Access access_of(ArtifactKind kind) {
  return kind == ArtifactKind::cdr ? Access::api : Access::files;
}

/// The circuit breakers, one per credential (invariant 10 of docs/architecture.md). A wrong
/// password must not burn the attempts of a whole queue; one dead URL must not stop the others.
///
/// It opens after three different artifacts in a row were refused (401/403 from a host that the
/// pair was sent to) with no success between. While it is open one probe at a time may go, each a
/// different artifact, every retry minimum growing to one minute. Any success closes it.
/// One thread.
class Breakers {
 public:
  explicit Breakers(RetryPolicy policy) : m_policy(policy) {}

  /// Which credential an app_id uses: its block's name, so that all of "*" share one; the pair of
  /// the REST API has a key of its own.
  static std::string credential_key(const Policy& policy, const AppId& app_id,
                                    Access access = Access::files);
  static std::string api_key_of(const std::string& block) { return "api of " + block; }

  [[nodiscard]] bool is_open(const std::string& key) const;
  /// While open: may a probe be sent now?
  [[nodiscard]] bool may_probe(const std::string& key, Timestamp now) const;
  /// Was this artifact probed since the breaker opened? Another one goes first.
  [[nodiscard]] bool was_probed(const std::string& key, ArtifactRow artifact) const;
  /// How many were probed since it opened.
  [[nodiscard]] std::size_t probed(const std::string& key) const;
  /// Every artifact was probed: begin again with the first.
  void forget_probed(const std::string& key);
  void probe_started(const std::string& key, ArtifactRow artifact);

  void succeeded(const std::string& key);
  /// True when this refusal burns an attempt of the artifact (the breaker is still closed).
  bool refused(const std::string& key, ArtifactRow artifact, Timestamp now);
  /// Asked at each refusal: true, and the operator has to be told now. Once for each opening,
  /// and not again within ten minutes, since where only some of the files are refused it opens and
  /// closes all the time; one that stays open until then is told then.
  bool take_news(const std::string& key, Timestamp now);
  /// Whether the operator was told that it is open.
  [[nodiscard]] bool was_told(const std::string& key) const;
  /// A probe ended without an answer about the credential.
  void probe_ended(const std::string& key, ArtifactRow artifact, Timestamp now);
  /// Closes a breaker at once (the credential was changed).
  void reset(const std::string& key);

  /// No probe is further ahead than its pause: the clock was set back.
  void set_back(Timestamp now);

  [[nodiscard]] std::optional<Timestamp> next_probe() const;
  [[nodiscard]] std::vector<OpenBreaker> open() const;
  /// Did any artifact succeed with this credential after the newest refusal of another?
  [[nodiscard]] bool works(const std::string& key) const;

 private:
  struct State {
    std::set<ArtifactRow> refused;  ///< different artifacts in a row, no success between
    std::set<ArtifactRow> probed;
    bool open = false;
    bool works = false;
    std::optional<ArtifactRow> probing;
    Duration pause{};
    Timestamp since;
    Timestamp next_probe;
    bool is_told = false;           ///< of this opening
    std::optional<Timestamp> told;  ///< when last, of whichever
  };
  void plan_next(State& state, Timestamp now);

  RetryPolicy m_policy;
  std::map<std::string, State> m_states;
};

}  // namespace reelkeep::core
