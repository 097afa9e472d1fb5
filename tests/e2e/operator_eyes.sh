#!/usr/bin/env bash
# What an operator sees: why a session is not complete and what would help, the queue and its
# forecast, and what a running agent alone knows.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
export NGINX_RATE=100k # a connection; four of them at once
start_nginx
admin_port() { # one that is free now
  python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}
configure
sed -i "/^\[admin\]/,/^listen/s/127.0.0.1:0/127.0.0.1:$(admin_port)/" "$CONFIG"
cat >>"$CONFIG" <<TOML
[[project]]
app_id = "app-brief"
username = "$FILE_USER"
password_file = "secrets/files"
hosts = ["127.0.0.1"]
offered_for = "15h"
TOML
for n in 1 2 3 4 5 6; do make_mp4 "$FILES/file$n.mp4" $((10000 * n)); done
make_mp4 "$FILES/long.mp4" 40000000

# ---- a wrong password ----
echo wrong >"$WORK/secrets/files"
start_agent
offer recording c1 "$ORIGIN"/file{1,2,3,4,5,6}.mp4
# One pair is refused: that of the block "*". Nothing was asked with the other block's, and there is
# no pair for the API.
refuses() { curl -s --noproxy '*' "$ADMIN/status" | jq -e '[.breakers[].app_id] == ["*"]'; }
await "the breaker opens" refuses
run show c1
check "show has a line on it" grep -q '^held up   the provider refuses the file credentials of' "$OUT"
run why c1 --json
judge "why names it" "$OUT" '.agent.answers and (.events | length) == 1 and
  (.why | startswith("waiting: 6 of 6 artifacts not archived")) and
  all(.artifacts[]; any(.obstacles[]; .what | startswith("the provider refuses the file credentials")) and
                    any(.obstacles[]; .way_out | contains("systemctl reload reelkeep")))'
judge "tries have causes" "$OUT" '[.artifacts[].attempts[].error.code] | length >= 3 and all(. == "unauthorized")'
run why c1
check "people are told as well" grep -q 'held up   the provider refuses the file credentials' "$OUT"
run queue
check "the queue says so" grep -q 'the provider refuses the file credentials' "$OUT"
check "and what waits" grep -q '^6 artifacts, about ' "$OUT"

refused 5 'refuses the file credentials \(status 401\)' check --online
check "the clock was compared" grep -qE '^ok +clock: [0-9]+ s (ahead of|behind) 127\.0\.0\.1' "$OUT"
check "a project without files is told" grep -q '"app-brief": no URL of a file is known yet' "$OUT"

# ---- mended ----
printf '%s\n' "$FILE_PASSWORD" >"$WORK/secrets/files"
kill -HUP "$AGENT"
await "all is archived" session_is c1 complete
run why c1 --json
judge "nothing holds it up, and the tries are remembered" "$OUT" 'all(.artifacts[]; .obstacles == [] and .next == "nothing: it is archived")
  and any(.artifacts[].attempts[]; .error == null) and any(.artifacts[].attempts[]; .error.code == "unauthorized")'
run show c1
never "the line is gone" grep -q '^held up' "$OUT"
run check --online --json
judge "the credentials are accepted" "$OUT" '.ok and any(.findings[]; .what | endswith("accepts the file credentials"))'
run queue --json
judge "nothing waits" "$OUT" '.agent_running and .forecast.artifacts == 0 and .queue == []'

# ---- a deadline that cannot be met at this pace ----
: >"$WORK/slow-download"
cp "$FILES/long.mp4" "$FILES/longer.mp4"
# 14 h and 59 m of the 15 h are over: 60 s are left for what takes minutes.
event '{type: "recording", trans_date: ($now - 15 * 3600 + 60), app_id: "app-brief", room_id: "room-1", conf_num: "c2",
        recording: $ARGS.positional}' --args "$ORIGIN/long.mp4" "$ORIGIN/longer.mp4"
metric() { curl -s --noproxy '*' "$ADMIN/metrics" | sed -n "s/^$1 //p"; }
missed() { [[ $(metric reelkeep_forecast_missed_artifacts) == 2 ]]; }
await "a metric says what will be missed" missed
check "the log has warned" logged 'recordings will miss their deadline at the present pace.* artifacts=2 '
run queue --json
judge "the queue says so" "$OUT" '.running == 2 and .bytes_per_second > 0 and (.queue | length) == 2 and
  .forecast.missed == 2 and all(.queue[]; .misses and .eta > .deadline and .conf_num == "c2")'
run queue
check "people are warned" grep -q '2 artifacts will miss the deadline at this pace' "$OUT"
equal "warnings in the log" "$(grep -c 'will miss their deadline' "$AGENT_LOG")" 1

# ---- no agent, another one, none that answers ----
stop_agent KILL
run queue
check "no agent" grep -q 'no agent runs: nothing is fetched' "$OUT"
run why c2 --json
judge "no agent is an obstacle" "$OUT" '(.agent.running | not) and all(.artifacts[]; .obstacles[0].what == "no agent runs")'
sed -i "/^\[admin\]/,/^listen/s/127.0.0.1:[0-9]*/127.0.0.1:0/" "$CONFIG"
start_agent
run why c2
check "an address that nobody knows" grep -q 'what the agent alone knows cannot be had: .*which port' "$OUT"
stop_agent
