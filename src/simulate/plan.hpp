#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "reelkeep/base/digest.hpp"
#include "reelkeep/base/ids.hpp"
#include "reelkeep/base/time.hpp"
#include "reelkeep/model/words.hpp"

#include "media/synthetic.hpp"
#include "simulate/options.hpp"

namespace reelkeep::simulate {

/// A file that the stand-in serves.
struct SimulatedFile {
  ArtifactKind kind = ArtifactKind::recording;
  std::string stage;  ///< of transcoded; else empty
  std::string name;
  std::string path;  ///< decoded: "/files/CONF_NUM/NAME"
  ByteCount size;
  media::SyntheticFormat format = media::SyntheticFormat::mp4;
  std::string seed;
  std::vector<Failure> failures;

  [[nodiscard]] media::SyntheticMedia media() const { return {seed, size, format}; }
  /// What Failure::Kind::changed serves at first.
  [[nodiscard]] media::SyntheticMedia earlier_media() const {
    return {seed + "/earlier", size, format};
  }

  /// The first failure of that kind that the request number `earlier_requests` + 1 meets.
  [[nodiscard]] const Failure* failure(Failure::Kind kind_asked,
                                       std::uint64_t earlier_requests = 0) const noexcept;
  /// `file_size` of its event.
  [[nodiscard]] ByteCount declared_size() const noexcept;
  /// Streams the file once.
  [[nodiscard]] Digest digest() const;
};

struct SimulatedSession {
  ConfNum conf_num;
  Timestamp started_at;
  Timestamp ended_at;
  std::vector<SimulatedFile> files;  ///< in the order of their events
};

/// All that the stand-in knows, without its address. Constant after construction: any thread.
class Plan {
 public:
  /// `options` have passed check(); `now` is the end of the newest session unless they name one.
  Plan(StandInOptions options, Timestamp now);
  Plan(const Plan&) = delete;
  Plan& operator=(const Plan&) = delete;

  [[nodiscard]] const StandInOptions& options() const noexcept { return m_options; }
  [[nodiscard]] const std::string& room_id() const noexcept { return m_room_id; }
  [[nodiscard]] const std::vector<SimulatedSession>& sessions() const noexcept {
    return m_sessions;
  }
  [[nodiscard]] bool offers(ArtifactKind kind) const noexcept;
  /// By decoded path; null: no such file.
  [[nodiscard]] const SimulatedFile* find(std::string_view path) const;

 private:
  SimulatedSession make_session(std::size_t number, Timestamp ended_at);
  void add_file(SimulatedSession& session, ArtifactKind kind, std::string stage, std::string stem,
                media::SyntheticFormat format);

  StandInOptions m_options;
  std::string m_room_id;
  std::size_t m_file_count = 0;
  std::vector<SimulatedSession> m_sessions;
  std::unordered_map<std::string_view, const SimulatedFile*> m_by_path;  ///< into m_sessions
};

}  // namespace reelkeep::simulate
