#!/usr/bin/env bash
# The intake answers while downloads run, and many connections at once; what is answered is in the
# journal, once.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
NGINX_RATE=4m
: >"$WORK/slow-download"
start_nginx
configure
make_mp4 "$FILES/large.mp4" $((512 << 20))
start_agent
offer recording large "$ORIGIN/large.mp4"
await "the download runs" holds large '.artifacts[0] | .state == "running" and .received > 0'

# curl reads what to post from a file of its own: one process for all.
posts() { # NAME COUNT
  local n
  for ((n = 1; n <= $2; n++)); do
    printf '{"type": "session_start", "app_id": "app-1", "room_id": "r", "conf_num": "%s-%d"}' "$1" "$n" >"$WORK/posts/$1-$n"
    ((n == 1)) || echo next
    printf 'url = "%s"\nuser = "%s:%s"\ndata-binary = "@%s"\noutput = "%s"\nwrite-out = "%%{http_code}\\n"\nsilent\nnoproxy = "*"\nmax-time = %d\n' \
      "$HOOK" "$HOOK_USER" "$HOOK_PASSWORD" "$WORK/posts/$1-$n" "$WORK/posts/$1-$n.answer" "$HANG"
  done >"$WORK/posts/$1.curl"
}
mkdir -p "$WORK/posts"
posts one 200
posts many 256
curl -K "$WORK/posts/one.curl" >"$WORK/codes"
equal "answers, one after another" "$(sort "$WORK/codes" | uniq -c | tr -s ' ')" ' 200 200'
curl --parallel --parallel-immediate --parallel-max 64 -K "$WORK/posts/many.curl" >"$WORK/codes" 2>"$WORK/curl.log"
equal "answers, 64 at once" "$(sort "$WORK/codes" | uniq -c | tr -s ' ')" ' 256 200'
show large
judge "the download still runs" "$WORK/show.json" '.artifacts[0].state == "running" and .artifacts[0].received < 536870912'

# Each answer names its own row, and the journal has each body exactly once.
jq -s '[.[].delivery] | unique | length' "$WORK"/posts/*.answer >"$WORK/numbers"
equal "numbers told" "$(cat "$WORK/numbers")" 456
equal "told to be duplicates" "$(cat "$WORK"/posts/*.answer | jq -s 'map(select(.duplicate)) | length')" 0
await "all deliveries are applied" all_applied
run deliveries --json
equal "deliveries" "$(jq length "$OUT")" 457
equal "sessions told of" "$(jq '[.[].conf_num] | unique | length' "$OUT")" 457
equal "bodies in the journal" "$(sqlite3 -readonly "$STATE/journal.db" "select count(distinct bytes) || ' of ' || count(*) from body join entry using (seq) where kind = 'delivery'")" '457 of 457'

# 64 times the same body at once: one row, one first number for all.
printf '{"type": "session_stop", "app_id": "app-1", "room_id": "r", "conf_num": "same"}' >"$WORK/same"
posts same 64
sed -i "s|^data-binary = .*|data-binary = \"@$WORK/same\"|" "$WORK/posts/same.curl"
curl --parallel --parallel-immediate --parallel-max 64 -K "$WORK/posts/same.curl" >"$WORK/codes" 2>"$WORK/curl.log"
equal "answers to the same body" "$(sort "$WORK/codes" | uniq -c | tr -s ' ')" ' 64 200'
equal "numbers told for the same body" "$(cat "$WORK"/posts/same-*.answer | jq -s '[.[].delivery] | unique | length')" 1
equal "first of its kind" "$(cat "$WORK"/posts/same-*.answer | jq -s 'map(select(.duplicate | not)) | length')" 1
await "the duplicates are counted" eval 'rk deliveries --json && jq -e "map(select(.conf_num == \"same\")) | length == 1 and .[0].duplicates == 63" "$OUT"'
http "$ADMIN/metrics" >/dev/null
check "the metrics know" grep -q 'reelkeep_deliveries_total{result="duplicate"} 63' "$WORK/answer"
check "the metrics know" grep -q 'reelkeep_deliveries_total{result="stored"} 458' "$WORK/answer"
stop_agent
equal "exit status of the agent" "$AGENT_STATUS" 0
