#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "reelkeep/base/ids.hpp"
#include "reelkeep/base/result.hpp"
#include "reelkeep/base/time.hpp"
#include "reelkeep/model/words.hpp"
#include "reelkeep/port/catalog.hpp"
#include "reelkeep/port/store.hpp"

#include "daemon/drill.hpp"
#include "daemon/operator.hpp"

namespace reelkeep::cli {

enum class Form { people, json };

struct ServeArguments {};
struct CheckArguments {
  bool online = false;
  Form form = Form::people;
};
struct SessionsArguments {
  ListFilter filter;
  Form form = Form::people;
};
/// Of a session, or of the one artifact of it.
struct ShowArguments {
  std::optional<ConfNum> conf_num;
  std::optional<AppId> app_id;
  std::optional<std::string> artifact;
  Form form = Form::people;
};
struct WhyArguments {
  ConfNum conf_num;
  std::optional<AppId> app_id;
  Form form = Form::people;
};
struct QueueArguments {
  daemon::QueuePage page;
  Form form = Form::people;
};
struct PathsArguments {
  ConfNum conf_num;
  std::optional<AppId> app_id;
  std::vector<ArtifactKind> kinds;
  Form form = Form::people;
};
struct UrlArguments {
  std::optional<ConfNum> conf_num;
  std::optional<AppId> app_id;
  std::vector<std::string> artifacts;
  std::vector<ArtifactKind> kinds;
  Duration expires = std::chrono::hours(1);
  Form form = Form::people;
};
struct VerifyArguments {
  std::optional<ConfNum> conf_num;  ///< nothing: all of the archive
  std::optional<AppId> app_id;
  std::optional<std::string> artifact;
  std::optional<StoreId> store;
  Depth depth = Depth::full;
  Form form = Form::people;
};
struct DeliveriesArguments {
  ListFilter filter;
  std::optional<Seq> raw;
  bool unmasked = false;
  Form form = Form::people;
};
struct RedownloadArguments {
  ConfNum conf_num;
  std::optional<AppId> app_id;
  std::vector<std::string> artifacts;
  std::vector<ArtifactKind> kinds;
  bool failed = false;
  bool dry_run = false;
  bool replace = false;
  bool wait = false;
  std::optional<Duration> limit;  ///< of waiting
  bool now = false;
  Form form = Form::people;
};
struct ReconcileArguments {
  daemon::ReconcileOrder order;
  Form form = Form::people;
};
struct ReplayArguments {
  std::vector<Seq> entries;
  Form form = Form::people;
};
struct CancelArguments {
  std::optional<ConfNum> conf_num;
  std::optional<AppId> app_id;
  std::vector<std::string> artifacts;
  std::string reason;
  Form form = Form::people;
};
struct AcceptArguments {
  std::string artifact;
  Form form = Form::people;
};
struct SimulateArguments {
  daemon::DrillOptions drill;
  bool once = false;
  bool print_config = false;
  bool print_expected = false;
};

using CommandArguments =
    std::variant<ServeArguments, CheckArguments, SessionsArguments, ShowArguments, WhyArguments,
                 QueueArguments, PathsArguments, UrlArguments, VerifyArguments, DeliveriesArguments,
                 RedownloadArguments, ReconcileArguments, ReplayArguments, CancelArguments,
                 AcceptArguments, SimulateArguments>;

struct Arguments {
  std::optional<std::string> config;  ///< --config
  CommandArguments command;
};

/// Text that was asked for instead of a command (--help, --version).
struct Answer {
  std::string text;
};

/// What the user wrote, without the program's name. `now` turns "--since 24h" into a time.
/// Errc::invalid with the nearest command or option.
Result<std::variant<Arguments, Answer>> parse_arguments(std::vector<std::string> words,
                                                        Timestamp now);

}  // namespace reelkeep::cli
