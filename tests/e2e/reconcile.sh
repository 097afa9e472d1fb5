#!/usr/bin/env bash
# Webhooks that never came cost no recording: the provider's archive is asked by the agent and by
# command, with and without an agent; CDRs are archived once they have rows.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
API_KEY='s3cret-of the:api'
simulated=0
# simulate OPTION...: a stand-in provider of its own; PROVIDER is its address, SESSIONS its sessions.
simulate() {
  simulated=$((simulated + 1))
  local log=$WORK/simulated-$simulated.log
  "$REELKEEP" simulate --listen 127.0.0.1:0 --app-id app-1 --app-key "$API_KEY" --username "$FILE_USER" \
    --password "$FILE_PASSWORD" --size 64KiB --ended-ago "${ENDED_AGO:-3h}" "$@" >"$log" 2>&1 {pause_fd}>&- &
  children+=("$!")
  await "the stand-in serves" grep -q '^serving until' "$log"
  PROVIDER=$(sed -n 's/^serving .* on \(http.*\)$/\1/p' "$log")
  mapfile -t SESSIONS < <(sed -n 's/^session //p' "$log")
}
# archive_of NAME EVERY [KEY]: a state of its own, on the stand-in of now.
archive_of() {
  configure 'allow_plain_http = true'
  STATE=$WORK/$1
  ARCHIVE=$STATE/archive
  printf '%s\n' "${3:-$API_KEY}" >"$WORK/secrets/api"
  chmod 0600 "$WORK/secrets/api"
  sed -i "s/^state_dir = .*/state_dir = \"$1\"/" "$CONFIG"
  cat >>"$CONFIG" <<TOML
api_url = "$PROVIDER/video/v2"
api_id = "app-1"
api_key_file = "secrets/api"
[reconcile]
every = "$2"
TOML
}
all_complete() {
  local session
  for session in "${SESSIONS[@]}"; do session_is "$session" complete || return 1; done
}
rows() { sqlite3 "$STATE/journal.db" "SELECT count(*) FROM entry WHERE kind = '$1'"; }
published() { find "$ARCHIVE" -type f -path "*/$1/*" ! -path '*/.staging/*' -exec sha256sum {} + | cut -d' ' -f1 | sort; }
metric_is() { [[ $(metric "$1") == "$2" ]]; }
metric() { curl -s "$ADMIN/metrics" | sed -n "s/^$1{app_id=\"\\*\"} //p"; }

# ---- by command: nothing changes in a dry run; it is queued without an agent; found once ----
simulate --sessions 3 --stages 2 --empty-cdrs 2
archive_of first 0s
refused 4 'the agent has not run there yet' reconcile
start_agent
never "nothing is asked for by itself" logged 'webhooks are being missed'
run reconcile --dry-run --json
judge "all of three sessions is lacking" "$OUT" '.dry_run and .agent_running and (.projects | length) == 1 and
  (.projects[0] | .listed == 3 and .error == null and (.found | length) == 3 and
    all(.found[]; .journaled == null and ([.artifacts[].kind] | sort) ==
      ["cdr", "chatdata", "metadata", "recording", "recording", "transcoded", "transcoded"]))'
run reconcile --dry-run
check "people are told what" grep -q "^${SESSIONS[0]} .* transcoded .*transcoded-1.mp4" "$OUT"
check "and that nothing was queued" grep -q 'nothing was queued (--dry-run)' "$OUT"
room=$("$REELKEEP" --config "$CONFIG" reconcile --dry-run --json | jq -r '.projects[0].found[0].room_id')
lately=$(date -u -d '3 days ago' +%F)
run reconcile --room "$room" --from "$lately" --dry-run --json
judge "of a room, within days" "$OUT" '.projects[0].found | length == 3'
run reconcile --room nobodys --dry-run --json
judge "of another room" "$OUT" '.projects[0].found == []'
run reconcile --from 2020-01-01 --to 2020-01-03 --dry-run --json
judge "of other days" "$OUT" '.projects[0].found == []'
equal "rows after dry runs" "$(rows reconcile)" 0
stop_agent
run reconcile --conf "${SESSIONS[0]}" --json
judge "one session is queued" "$OUT" '(.agent_running | not) and (.projects[0].found | length) == 1 and .projects[0].found[0].journaled > 0'
run reconcile
check "the rest, for when the agent starts" grep -q '14 artifacts that no event told of; fetched when the agent starts' "$OUT"
equal "each session is journaled once" "$(rows reconcile)" 3
run reconcile --json
judge "what waits in the journal is not found again" "$OUT" '.projects[0].found == []'
start_agent
await "everything is archived" all_complete
"$REELKEEP" simulate --print-expected --listen 127.0.0.1:0 --sessions 3 --stages 2 --size 64KiB >"$WORK/expected.json"
for kind in recording transcoded chatdata metadata; do
  equal "digests of kind $kind" "$(published "$kind")" "$(jq -r --arg k "$kind" '.[] | select(.kind == $k) | .sha256' "$WORK/expected.json" | sort)"
done
run deliveries --json
judge "a listing is no delivery" "$OUT" '. == []'

# ---- CDR: empty twice, then archived; personal data ----
show "${SESSIONS[1]}"
judge "the CDR came at the third attempt" "$WORK/show.json" '.artifacts[] | select(.kind == "cdr") |
  .state == "archived" and .attempts == 3 and .error == null and .name == "cdr.json" and .source == $u' \
  --arg u "$PROVIDER/video/v2/cdr/conf/${SESSIONS[1]}"
check "it was waited for, in words" logged 'the CDR is not ready'
run paths "${SESSIONS[1]}" --kind cdr
equal "its mode" "$(stat -c %a "$(cat "$OUT")")" 440
judge "it is the provider's answer" "$(cat "$OUT")" '(.cdr | length) == 2 and .cdr[0].user.name == "Participant 1"'
never "names or join tokens are logged" grep -qE 'Participant|join-token' "$AGENT_LOG" "$WORK/earlier.log"
run reconcile --json
judge "nothing is lacking any more" "$OUT" '.projects[0].found == []'
stop_agent KILL
rm "$STATE"/catalog.db*
start_agent
await "a rebuilt catalog says the same" all_complete
equal "and asks nothing anew" "$(rows reconcile)" 3
stop_agent

# ---- a session that nobody told of: redownload asks the archive ----
archive_of second 0s
start_agent
refused 4 'no session nobody .*archive lists no file of it either' redownload nobody
run redownload "${SESSIONS[2]}" --dry-run --json
judge "a dry run tells of all" "$OUT" '.dry_run and .order == null and (.queued | length) == 7'
equal "and queues nothing" "$(rows reconcile)" 0
run redownload "${SESSIONS[2]}" --wait=60s --json
judge "it is fetched" "$OUT" '(.results | length) == 7 and all(.results[]; .state == "archived")'
holds "${SESSIONS[2]}" '.state == "complete"' || die "it is not complete"
refused 4 'is known' show "${SESSIONS[0]}"
stop_agent
run redownload "${SESSIONS[1]}"
check "without an agent it is queued" grep -q 'no agent runs' "$OUT"
run redownload "${SESSIONS[0]}" --now
session_is "${SESSIONS[0]}" complete || die "--now did not fetch it"
session_is "${SESSIONS[1]}" complete || start_agent
await "the queued one as well" session_is "${SESSIONS[1]}" complete
[[ -z $AGENT ]] || stop_agent

# ---- by itself, at the start; sparse answers; what is young is left to its webhook ----
simulate --sessions 2 --sparse-api --seed sparse
archive_of third 6h
start_agent
await "everything listed is archived" all_complete
await "it is warned of" logged 'warn webhooks are being missed'
await "the metric" metric_is reelkeep_reconciled_total 10
await "a success is told" eval '[[ -n $(metric reelkeep_reconcile_success_timestamp_seconds) ]]'
equal "no failure" "$(metric reelkeep_reconcile_failures_total)" 0
stop_agent
ENDED_AGO=0s simulate --seed young
archive_of third 0s
run reconcile
check "the young one is left" grep -q '^1 session younger than an hour left to the webhook' "$OUT"
equal "and not journaled" "$(rows reconcile)" 2
run reconcile --dry-run --conf "${SESSIONS[0]}"
never "who names it does not wait for its webhook: $(cat "$OUT")" grep -q 'younger than an hour' "$OUT"
check "it is lacking" grep -qE '^1 session listed, [1-9][0-9]* artifacts that no event told of' "$OUT"

# ---- credentials that come later: the CDR of a session whose roomdrop is long known ----
simulate --seed later
archive_of fourth 6h
cp "$CONFIG" "$WORK/with-api.toml"
sed -i '/^api_/d' "$CONFIG"
start_agent
"$REELKEEP" simulate --listen 127.0.0.1:0 --public-url "$PROVIDER" --app-id app-1 --size 64KiB --seed later --ended-ago 3h \
  --kinds recording,transcoded,live_recording,chatdata,metadata,transcription,cdr --post "$HOOK" \
  --webhook-username "$HOOK_USER" --webhook-password "$HOOK_PASSWORD" --once >"$OUT" 2>"$ERR" || die "the events are not accepted"
await "it is complete without a CDR" session_is "${SESSIONS[0]}" complete
judge "no CDR is owed" "$WORK/show.json" 'all(.artifacts[]; .kind != "cdr")'
refused 2 'no \[\[project\]\] has api_id and api_key' reconcile
cp "$WORK/with-api.toml" "$CONFIG"
kill -HUP "$AGENT"
await "the CDR comes" holds "${SESSIONS[0]}" 'any(.artifacts[]; .kind == "cdr" and .state == "archived")'
run check --online --json
judge "both pairs are accepted" "$OUT" '.ok and any(.findings[]; .what | endswith("accepts the file credentials"))
  and any(.findings[]; .what | endswith("accepts api_id and api_key"))'
stop_agent

# ---- refusals, in words ----
archive_of fifth 6h 'wrong-key-of-mine'
start_agent
await "the agent tells of a wrong key" logged 'warn the provider.s archive could not be compared.*check api_id and api_key'
(($(metric reelkeep_reconcile_failures_total) >= 1)) || die "the failure is not counted"
rk reconcile && die "a wrong key is no success"
check "so does the command" grep -q 'status 401: result 1001: unauthorized: APP_ID or APP_KEY is wrong; check api_id' "$ERR"
refused 5 'check api_id' reconcile --json
refused 5 'api_url: .*check api_id' check --online
stop_agent
simulate --api-result 4711
archive_of fifth 0s
refused 7 'refuses: result 4711: refused: the stand-in was told to refuse' reconcile --json
kill -KILL "${children[-1]}"
await "the stand-in is gone" ended "${children[-1]}"
refused 7 'archive API' reconcile --json
refused 2 'expected a day' reconcile --from yesterday
refused 2 'is after' reconcile --from 2026-01-02 --to 2026-01-01
refused 2 'leave --from' reconcile --conf c1 --from 2026-01-02

never "a secret is printed" grep -qF -e "$API_KEY" -e wrong-key-of-mine -e "$FILE_PASSWORD" \
  -e "$(printf '%s' "app-1:$API_KEY" | base64 -w0)" "$SEEN" "$AGENT_LOG" "$WORK/earlier.log"
