#include "cli/raw_arguments.hpp"

#include "reelkeep/base/text.hpp"

#include "cli/argument_values.hpp"

namespace reelkeep::cli {

Result<CommandArguments> command_of(const std::string& name, const Raw& raw, Timestamp now) {
  const Form form = raw.json ? Form::json : Form::people;
  const std::optional<AppId> app_id =
      raw.app_id.empty() ? std::nullopt : std::optional(AppId(raw.app_id));
  const auto given = [&](const char* option) { return raw.given.count(option) > 0; };
  const ListWords list{.state = given("--state") ? std::optional(raw.state) : std::nullopt,
                       .since = given("--since") ? std::optional(raw.since) : std::nullopt,
                       .limit = given("--limit") ? std::optional(raw.limit) : std::nullopt,
                       .after = given("--after") ? std::optional(raw.after) : std::nullopt,
                       .app_id = app_id,
                       .form = form};
  if (name == "serve") return CommandArguments(ServeArguments{});
  if (name == "check") return CommandArguments(CheckArguments{raw.online, form});
  if (name == "sessions") {
    REELKEEP_ASSIGN(ListFilter filter, list_filter(list, Listed::sessions, now));
    return CommandArguments(SessionsArguments{std::move(filter), form});
  }
  if (name == "show") {
    if (raw.conf_num.empty() && raw.artifacts.empty())
      return Error{Errc::invalid,
                   "show what? give a CONF_NUM or --artifact ID; see reelkeep show --help"};
    if (raw.artifacts.size() > 1)
      return Error{Errc::invalid, "show one artifact at a time: --artifact ID"};
    return CommandArguments(ShowArguments{
        raw.conf_num.empty() ? std::nullopt : std::optional(ConfNum(raw.conf_num)), app_id,
        raw.artifacts.empty() ? std::nullopt : std::optional(raw.artifacts.front()), form});
  }
  if (name == "why") return CommandArguments(WhyArguments{ConfNum(raw.conf_num), app_id, form});
  if (name == "queue") {
    REELKEEP_ASSIGN(const ListFilter filter,
                    list_filter({.limit = list.limit, .form = form}, Listed::sessions, now));
    return CommandArguments(QueueArguments{
        {.limit = filter.limit,
         .after = given("--after") ? std::optional(raw.after_artifact) : std::nullopt},
        form});
  }
  if (name == "paths") {
    REELKEEP_ASSIGN(auto kinds, artifact_kinds(raw.kinds));
    return CommandArguments(PathsArguments{ConfNum(raw.conf_num), app_id, std::move(kinds), form});
  }
  if (name == "url") {
    REELKEEP_ASSIGN(auto kinds, artifact_kinds(raw.kinds));
    if (raw.conf_num.empty() == raw.artifacts.empty())
      return Error{Errc::invalid,
                   "URLs of what? give a CONF_NUM or --artifact ID; see reelkeep url "
                   "--help"};
    UrlArguments it{
        .conf_num = raw.conf_num.empty() ? std::nullopt : std::optional(ConfNum(raw.conf_num)),
        .app_id = app_id,
        .artifacts = raw.artifacts,
        .kinds = std::move(kinds),
        .form = form};
    if (given("--expires")) {
      REELKEEP_ASSIGN(it.expires, duration(raw.expires, "--expires"));
    }
    // What S3 servers accept in a signature.
    if (it.expires < std::chrono::seconds(1) || it.expires > std::chrono::hours(24 * 7))
      return Error{Errc::invalid, "--expires is between 1s and 7d"};
    return CommandArguments(std::move(it));
  }
  if (name == "verify") {
    if (!raw.conf_num.empty() && !raw.artifacts.empty())
      return Error{Errc::invalid, "give a CONF_NUM or --artifact ID, not both"};
    if (raw.artifacts.size() > 1)
      return Error{Errc::invalid, "--artifact can be given once; without it all is verified"};
    return CommandArguments(VerifyArguments{
        .conf_num = raw.conf_num.empty() ? std::nullopt : std::optional(ConfNum(raw.conf_num)),
        .app_id = app_id,
        .artifact = raw.artifacts.empty() ? std::nullopt : std::optional(raw.artifacts.front()),
        .store = given("--store") ? std::optional(StoreId(raw.store)) : std::nullopt,
        .depth = raw.quick ? Depth::quick : Depth::full,
        .form = form});
  }
  if (name == "deliveries") {
    REELKEEP_ASSIGN(ListFilter filter, list_filter(list, Listed::deliveries, now));
    if (raw.unmasked && !given("--raw"))
      return Error{Errc::invalid, "--unmasked goes with --raw SEQ only"};
    return CommandArguments(DeliveriesArguments{
        std::move(filter), given("--raw") ? std::optional(Seq(raw.raw_seq)) : std::nullopt,
        raw.unmasked, form});
  }
  if (name == "redownload") {
    if (raw.conf_num.empty() && raw.artifacts.size() != 1)
      return Error{Errc::invalid,
                   "redownload what? give a CONF_NUM or one --artifact ID; see reelkeep redownload "
                   "--help"};
    REELKEEP_ASSIGN(auto kinds, artifact_kinds(raw.kinds));
    RedownloadArguments it{.conf_num = ConfNum(raw.conf_num),
                           .app_id = app_id,
                           .artifacts = raw.artifacts,
                           .kinds = std::move(kinds),
                           .failed = raw.failed,
                           .dry_run = raw.dry_run,
                           .replace = raw.replace,
                           .wait = given("--wait"),
                           .now = raw.now,
                           .form = form};
    if (it.wait && raw.wait != k_wait_without_limit) {
      REELKEEP_ASSIGN(it.limit, duration(raw.wait, "--wait"));
    }
    return CommandArguments(std::move(it));
  }
  if (name == "reconcile") {
    ReconcileArguments it{.form = form};
    if (given("--from")) {
      REELKEEP_ASSIGN(it.order.from, day(raw.from, "--from"));
    }
    if (given("--to")) {
      REELKEEP_ASSIGN(it.order.to, day(raw.to, "--to"));
    }
    if (it.order.from && it.order.to && *it.order.from > *it.order.to)
      return Error{Errc::invalid, "--from " + raw.from + " is after --to " + raw.to};
    if (it.order.from && Timestamp(*it.order.from) > now)
      return Error{Errc::invalid, "--from " + raw.from + " has not come yet"};
    if (given("--conf") && (given("--from") || given("--to") || given("--room")))
      return Error{Errc::invalid, "--conf names one session: leave --from, --to and --room away"};
    if (given("--conf")) {
      it.order.conf_num = ConfNum(raw.conf_num);
      it.order.youth = core::Youth::taken;  // who names it does not wait for its webhook
    }
    if (given("--room")) it.order.room_id = RoomId(raw.room);
    if ((given("--conf") && raw.conf_num.empty()) || (given("--room") && raw.room.empty()))
      return Error{Errc::invalid, "--conf and --room must not be empty"};
    it.order.app_id = app_id;
    it.order.dry_run = raw.dry_run;
    return CommandArguments(std::move(it));
  }
  if (name == "replay") {
    ReplayArguments it{.form = form};
    for (const std::int64_t seq : raw.entries) it.entries.emplace_back(seq);
    return CommandArguments(std::move(it));
  }
  if (name == "cancel") {
    if (raw.conf_num.empty() && raw.artifacts.empty())
      return Error{Errc::invalid,
                   "cancel what? give a CONF_NUM or --artifact ID; see reelkeep "
                   "cancel --help"};
    if (text::trim(raw.reason).empty())
      return Error{Errc::invalid,
                   "--reason TEXT is required: those who look for the recording "
                   "later will ask why it was given up"};
    return CommandArguments(
        CancelArguments{raw.conf_num.empty() ? std::nullopt : std::optional(ConfNum(raw.conf_num)),
                        app_id, raw.artifacts, raw.reason, form});
  }
  if (name == "accept") {
    if (raw.artifacts.size() != 1)
      return Error{Errc::invalid, "accept one artifact at a time: --artifact ID"};
    return CommandArguments(AcceptArguments{raw.artifacts.front(), form});
  }
  return CommandArguments(raw.simulate);
}

}  // namespace reelkeep::cli
