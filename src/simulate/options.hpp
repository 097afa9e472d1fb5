#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "reelkeep/base/byte_count.hpp"
#include "reelkeep/base/secret.hpp"
#include "reelkeep/base/time.hpp"
#include "reelkeep/model/words.hpp"

#include "http/server.hpp"
#include "simulate/failure.hpp"

namespace reelkeep::simulate {

enum class EventOrder { as_they_happen, shuffled };

/// What the stand-in provider offers. The same options give the same sessions, files and events,
/// byte for byte, but for the address and the times.
struct StandInOptions {
  std::string listen = "127.0.0.1:0";
  /// What file URLs begin with, without a slash at the end; empty: the address listened on.
  std::string public_url;
  std::optional<http::TlsFiles> tls;

  /// For file downloads; an empty user name: anyone may.
  Credential files{"files@example.com", Secret("simulated")};
  /// The REST API's user name is the app_id.
  Secret app_key{"simulated"};

  std::string app_id = "simulated-app";
  std::string room_id;  ///< empty: one made from the seed
  std::string seed = "reelkeep";
  std::size_t sessions = 1;
  std::size_t recordings = 2;   ///< per session
  std::size_t stages = 1;       ///< transcoded files per session
  ByteCount size = 1_MiB;       ///< of recordings, transcoded and live recordings
  ByteCount side_size = 4_KiB;  ///< of chat, metadata and transcription
  /// `cdr` stands for roomdrop, `delivered` for file_transfer. session_start and session_stop
  /// always come.
  std::vector<ArtifactKind> kinds = every_kind();
  std::optional<Timestamp> ended_at;  ///< of the newest session; nothing: the start of the stand-in

  std::size_t empty_cdrs = 0;  ///< a session's CDR has no rows in the first so many answers
  int api_result = 0;          ///< what every answer of the API says; not 0: it refuses
  bool sparse_api = false;     ///< archive items lack what they may lack

  std::vector<FailureRule> failures;
  EventOrder order = EventOrder::as_they_happen;
  double duplicates = 0;  ///< share of the events that come twice

  static std::vector<ArtifactKind> every_kind();
  /// Errc::invalid with the field and what it may be.
  [[nodiscard]] Status check() const;
};

/// "recording,chatdata" or "all"; Errc::invalid with the known kinds.
Result<std::vector<ArtifactKind>> parse_kinds(std::string_view text);

}  // namespace reelkeep::simulate
