#!/usr/bin/env bash
# Bad input gets one clear line that names the cause and the way out, the documented exit status, and
# loses nothing.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
configure
cp "$CONFIG" "$WORK/good.toml"

# ---- configuration ----
sed -i 's/^log_level/log_levle/' "$CONFIG"
line=$(grep -n log_levle "$CONFIG" | cut -d: -f1)
for command in serve check sessions 'show c1' 'redownload c1'; do
  # shellcheck disable=SC2086
  refused 2 "config\\.toml:$line:1: unknown key \"log_levle\" in \\[agent\\]; did you mean \"log_level\"\\?" $command
done
# Several problems: each has its line, all at once.
sed -i -e 's/^retry_min = .*/retry_min = "soon"/' -e 's/^intake_reserve = .*/intake_reserve = -1/' "$CONFIG"
echo 'no_such = 1' >>"$CONFIG"
status=0
rk serve || status=$?
equal "status with four problems" "$status" 2
equal "problems told" "$(grep -cE '^reelkeep: .*config\.toml:[0-9]+:[0-9]+: ' "$ERR")" 4
equal "lines told" "$(wc -l <"$ERR")" 4
for key in log_levle retry_min intake_reserve no_such; do check "$key is told" grep -q "$key" "$ERR"; done
never "a configuration that is refused left something behind" test -e "$STATE"
# check tells what is wrong with the machine in the same breath.
chmod 0666 "$WORK/secrets/hook"
status=0
rk check || status=$?
chmod 0600 "$WORK/secrets/hook"
equal "status of check with four problems" "$status" 2
equal "problems told by check" "$(grep -cE '^reelkeep: .*config\.toml:[0-9]+:[0-9]+: ' "$ERR")" 4
check "the machine is judged too" grep -qE '^warning +.*secrets/hook: others may change it' "$OUT"
rk check --json || true
judge "to scripts as well" "$OUT" '.ok == false and ([.findings[] | select(.line != null)] | length) == 4
  and any(.findings[]; .severity == "ok" and (.what | startswith("state directory")))'
echo 'this is not TOML' >"$CONFIG"
refused 2 'config\.toml:1:[0-9]+: ' serve
rm "$CONFIG"
refused 2 "$CONFIG: cannot read the configuration" serve
cp "$WORK/good.toml" "$CONFIG"
rm "$WORK/secrets/files"
refused 2 'config\.toml:[0-9]+:[0-9]+: .*secrets/files' serve
configure

# ---- usage ----
refused 2 'unknown command serv; did you mean serve\?' serv
refused 2 'unknown option --jason; did you mean --json\?' sessions --jason
refused 2 'CONF_NUM' show
refused 2 'retry-later.*' redownload c1 --kind retry-later
refused 2 '--reason' cancel c1
refused 2 '--wait' redownload c1 --wait=soon

# ---- before the agent ever ran ----
for command in sessions 'show c1' 'paths c1' 'redownload c1' deliveries 'replay 1'; do
  # shellcheck disable=SC2086
  refused 4 'the agent has not run there yet' $command
done

# ---- what the webhook is sent ----
start_agent
for body in 'no JSON at all' '{"type": "recording", "conf_num": "c1"}' '{"type": "brand_new", "app_id": "a", "conf_num": "c"}'; do
  printf '%s' "$body" >"$WORK/body"
  post "$WORK/body"
done
await "all are looked at" all_applied
judge "unreadable ones are quarantined with a reason, unknown ones ignored, all kept" "$OUT" \
  '[sort_by(.seq)[] | .state] == ["quarantined", "quarantined", "ignored"] and all(.[] | select(.state == "quarantined"); .reason != null)'
run deliveries --state quarantined --json
equal "quarantined ones" "$(jq length "$OUT")" 2
run deliveries --raw "$(jq '[.[].seq] | min' "$OUT")"
equal "an unreadable body is kept" "$(cat "$OUT")" 'no JSON at all'

status_of() { # EXPECTED WHAT CURL-ARGUMENT...
  local expected=$1 what=$2
  shift 2
  equal "status for $what" "$(http "$@")" "$expected"
}
status_of 401 'no password' --data-binary '{}' "$HOOK"
check "the scheme is told" grep -qi '^WWW-Authenticate: Basic' "$WORK/head"
status_of 401 'a wrong password' -u "$HOOK_USER:wrong" --data-binary '{}' "$HOOK"
status_of 401 'a wrong user' -u "wrong:$HOOK_PASSWORD" --data-binary '{}' "$HOOK"
status_of 401 'no Basic' -H 'Authorization: Bearer abc' --data-binary '{}' "$HOOK"
user=(-u "$HOOK_USER:$HOOK_PASSWORD")
status_of 404 'another path' "${user[@]}" --data-binary '{}' "${HOOK}s"
status_of 404 'the root' "${user[@]}" --data-binary '{}' "${HOOK%/webhook}/"
status_of 405 'GET' "${user[@]}" "$HOOK"
check "what is allowed is told" grep -qi '^Allow: POST' "$WORK/head"
status_of 405 'PUT' "${user[@]}" -X PUT --data-binary '{}' "$HOOK"
head -c $((1048576 + 1)) /dev/zero >"$WORK/body"
status_of 413 'more than 1 MiB' "${user[@]}" --data-binary "@$WORK/body" "$HOOK"
run deliveries --json
equal "deliveries: none of these was stored" "$(jq length "$OUT")" 3
http "$ADMIN/metrics" >/dev/null
check "they are counted" grep -q 'reelkeep_deliveries_total{result="unauthorized"} 4' "$WORK/answer"
check "so are the quarantined" grep -qx 'reelkeep_deliveries{state="quarantined"} 2' "$WORK/answer"
check "they are counted" grep -q 'reelkeep_deliveries_total{result="too_large"} 1' "$WORK/answer"
status_of 404 'another path of the admin server' "$ADMIN/"
status_of 405 'posting to the admin server' -X POST "$ADMIN/livez"

# ---- unknown, ambiguous ----
refused 4 'no session nobody is known' show nobody
refused 4 'no session nobody is known' paths nobody
refused 4 'no session nobody is known' redownload nobody
refused 4 'no session nobody is known' cancel nobody --reason none
refused 4 'no artifact 0123abcd is known' accept --artifact 0123abcd
refused 4 'no delivery 99' deliveries --raw 99
refused 4 'no delivery 99' replay 99
for app in one two; do
  event '{type: "chatdata", trans_date: $now, app_id: $a, room_id: "r", conf_num: "both", url: "https://127.0.0.1:1/x.json"}' --arg a "$app"
done
await "two projects have one conf_num" eval 'rk show both --app-id two && rk show both --app-id one'
for command in show paths redownload; do
  refused 6 'known of several projects \(one, two\); say which with --app-id' "$command" both
done
refused 4 'no session both of app_id three' show both --app-id three
run show both --app-id two --json
equal "the one that was meant" "$(jq -r .app_id "$OUT")" two

# ---- a second agent, a port that is taken ----
sed 's/^level/level/' "$CONFIG" >"$WORK/second.toml"
refused 6 "$STATE" serve
refused 6 'agent' redownload both --app-id one --now
check "the running one goes on" test "$(http "$ADMIN/livez")" = 200
sed -e 's|^state_dir = .*|state_dir = "state-2"|' -e "0,/^listen = .*/s||listen = \"${HOOK:7:-8}\"|" "$WORK/good.toml" >"$CONFIG"
refused 6 "\\[webhook\\] listen: .*${HOOK:7:-8}" serve
sed -e 's|^state_dir = .*|state_dir = "state-2"|' -e "s|^\\[admin\\]|&\\n#|" "$WORK/good.toml" |
  awk -v address="${ADMIN#http://}" '/^\[/ { table = $0 } table == "[admin]" && /^listen/ { $0 = "listen = \"" address "\"" } { print }' >"$CONFIG"
refused 6 "\\[admin\\] listen: .*${ADMIN#http://}" serve
cp "$WORK/good.toml" "$CONFIG"

# ---- no permission ----
# Somebody who may read the configuration but not the state: as root one who is nobody, else oneself
# with the rights taken away.
mkdir "$WORK/public"
sed -e "s|^state_dir = .*|state_dir = \"$STATE\"|" -e '/_file/d' -e 's/^username = .*/&\npassword = "x"/' -e '/^ca_file/d' \
  "$WORK/good.toml" >"$WORK/public/config.toml"
chmod 0600 "$WORK/public/config.toml"
other=()
if ((EUID == 0)); then
  chmod 0711 "$WORK"
  chmod 0755 "$WORK/public"
  chown nobody "$WORK/public/config.toml"
  install -m 0755 "$REELKEEP" "$WORK/public/reelkeep"
  other=(setpriv --reuid=nobody --regid=nogroup --clear-groups)
else
  cp "$REELKEEP" "$WORK/public/reelkeep"
  chmod 0000 "$STATE"
fi
for command in sessions 'show both' 'redownload both --app-id one' deliveries serve; do
  status=0
  # shellcheck disable=SC2086
  "${other[@]}" "$WORK/public/reelkeep" --config "$WORK/public/config.toml" $command >"$OUT" 2>"$ERR" || status=$?
  equal "status of $command without permission ($(cat "$ERR"))" "$status" 5
  equal "lines of $command without permission ($(cat "$ERR"))" "$(wc -l <"$ERR")" 1
  check "the cause is named: $(cat "$ERR")" grep -qF "$STATE" "$ERR"
done
((EUID == 0)) || chmod 0700 "$STATE"
chmod 0000 "$WORK/public/config.toml"
if ((EUID == 0)); then
  status=0
  "${other[@]}" "$WORK/public/reelkeep" --config "$WORK/public/config.toml" sessions >"$OUT" 2>"$ERR" || status=$?
else
  status=0
  "$REELKEEP" --config "$WORK/public/config.toml" sessions >"$OUT" 2>"$ERR" || status=$?
fi
equal "status where the configuration may not be read ($(cat "$ERR"))" "$status" 5
check "it is named" grep -q "$WORK/public/config.toml" "$ERR"

# ---- no agent ----
stop_agent
run redownload both --app-id one
check "it is said that no agent runs" grep -q 'no agent runs' "$OUT"
run redownload both --app-id one --json
judge "to scripts too" "$OUT" '.agent_running == false and (.queued | length) == 1 and .order > 0'
refused 7 'no agent runs: what is queued is fetched when it starts' redownload both --app-id one --wait --json
run sessions --json
equal "sessions can be listed" "$(jq length "$OUT")" 2
run check --json
jq -e . "$OUT" >/dev/null || die "check --json is no JSON"

# ---- another schema ----
cp "$STATE/journal.db" "$WORK/journal.kept"
sqlite3 "$STATE/journal.db" 'pragma user_version = 99' >/dev/null
refused 6 '99' serve
refused 6 '99' deliveries
cp "$WORK/journal.kept" "$STATE/journal.db"

# Nothing of all this lost anything.
start_agent
run deliveries --json
equal "deliveries" "$(jq length "$OUT")" 5
stop_agent
equal "exit status of the agent" "$AGENT_STATUS" 0
