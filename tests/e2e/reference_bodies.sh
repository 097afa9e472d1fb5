#!/usr/bin/env bash
# Each example body of the provider's page, posted as it stands (placeholders and all), is answered
# 200 and shown by `deliveries`, byte for byte.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
configure
start_agent
cases=("$SOURCE"/tests/cases/webhook/page_*)
((${#cases[@]} == 11)) || die "the page has eleven bodies, found ${#cases[@]}"

numbers=()
for case in "${cases[@]}"; do
  post "$case/body"
  judge "answer to $case" "$WORK/answer" '(.delivery | type) == "number" and .duplicate == false and length == 2'
  numbers+=("$(jq .delivery "$WORK/answer")")
done
equal "different numbers" "$(printf '%s\n' "${numbers[@]}" | sort -un | wc -l)" 11
await "all deliveries are applied" all_applied
run deliveries --json
cp "$OUT" "$WORK/deliveries.json"
for n in "${!cases[@]}"; do
  case=${cases[n]}
  seq=${numbers[n]}
  judge "$case is shown" "$WORK/deliveries.json" '$e[0] as $e | .[] | select(.seq == $seq) |
    .state == $e.state and .reason == ($e.reason // null) and .duplicates == 0 and
    (.state == "quarantined" or (.type == $e.type and .conf_num == "string" and .app_id == "string"))' \
    --argjson seq "$seq" --slurpfile e "$case/expect.json"
  run deliveries --raw "$seq" --unmasked
  check "the raw body is the posted one" cmp "$OUT" "$case/body"
done
equal "deliveries" "$(jq length "$WORK/deliveries.json")" 11
equal "applied" "$(jq '[.[] | select(.state == "applied")] | length' "$WORK/deliveries.json")" 10
run deliveries
for type in chatdata file_transfer live_recording metadata recording roomdrop session_start session_stop \
  transcoded transcription; do
  check "people see $type" grep -qE "(^|[[:space:]])$type([[:space:]]|\$)" "$OUT"
done
check "people see why the general form could not be understood" grep -q 'not JSON' "$OUT"

# The provider sends again what it thinks was not taken.
post "${cases[0]}/body"
equal "answer to the same body" "$(jq -c . "$WORK/answer")" "{\"delivery\":${numbers[0]},\"duplicate\":true}"
await "the duplicate is counted" eval 'rk deliveries --json && jq -e "map(select(.seq == ${numbers[0]}))[0].duplicates == 1" "$OUT"'

# All are of one session: what it offers is known, what was pushed too.
show string
judge "the session of the examples" "$WORK/show.json" '.app_id == "string" and .room_id == "string" and
  ([.artifacts[].kind] | sort) == ["chatdata", "live_recording", "metadata", "recording", "recording", "transcoded", "transcription"] and
  ([.artifacts[].replicas[] | select(.state == "delivered") | .location] | sort) ==
    ["s3://my-bucket/room_id/conf_num/file1.mov", "s3://my-bucket/room_id/conf_num/file2.mov"] and
  .started_at == "2024-04-20T08:00:00.000Z" and .ended_at == "2024-04-20T08:00:00.000Z"'
stop_agent
equal "exit status of the agent" "$AGENT_STATUS" 0
