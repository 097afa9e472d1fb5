#!/usr/bin/env bash
# SIGKILL in the middle of a 1 GiB download: started again, the agent goes on where it was.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
size=$((1 << 30))
least=$((150 << 20))
NGINX_RATE=400m
: >"$WORK/slow-download"
start_nginx
configure "per_host = 1"
make_mp4 "$FILES/big.mp4" $size
# Not only zeros: bytes at the wrong place would not be seen.
for at in 40 160 300 500 700 1000; do
  printf 'mark %s' "$at" | dd of="$FILES/big.mp4" bs=1M seek="$at" conv=notrunc status=none
done
digest "$FILES/big.mp4" >"$WORK/expected" &
summing=$!
start_agent
offer recording big "$ORIGIN/big.mp4"

arrived() { # BYTES: so many are in staging, and the download runs
  local part
  part=$(find "$ARCHIVE/.staging" -name '*.part' -printf '%s\n' | head -n 1)
  [[ -n $part ]] && ((part >= $1))
}
await "150 MiB have arrived" arrived $least
stop_agent KILL
equal "the agent was killed" "$AGENT_STATUS" 137
part=$(find "$ARCHIVE/.staging" -name '*.part')
before=$(stat -c %s "$part")
((before < size)) || die "all had arrived before the kill: the test shows nothing"
run show big --json
judge "the state can be asked while no agent runs" "$OUT" '.artifacts[0].state == "running" or .artifacts[0].state == "planned"'

rm "$WORK/slow-download"
start_agent
await "the session is complete" session_is big complete
wait "$summing"
judge "the digest is that of the original" "$WORK/show.json" '.artifacts[0] | .sha256 == $d and .size == $n' \
  --arg d "$(cat "$WORK/expected")" --argjson n $size
run paths big
equal "digest of the archived file" "$(digest "$(cat "$OUT")")" "$(cat "$WORK/expected")"
equal "downloads" "$(grep -c 'big.mp4$' "$NGINX_LOG")" 2
range=$(grep '|206|' "$NGINX_LOG" | cut -d'|' -f4) || true
[[ $range =~ ^bytes=([0-9]+)-$ ]] || die "no range request in nginx's log: $(cat "$NGINX_LOG")"
from=${BASH_REMATCH[1]}
((from == before)) || die "resumed at $from, but $before bytes were there"
equal "bytes of the second request" "$(grep '|206|' "$NGINX_LOG" | cut -d'|' -f5)" $((size - from))
equal "staging is empty" "$(find "$ARCHIVE/.staging" -type f | wc -l)" 0
# Memory does not grow with the file.
peak=$(awk '/^VmHWM:/ { print $2 }' "/proc/$AGENT/status")
[[ -n $SANITIZERS ]] || ((peak < 200000)) || die "the agent took $peak KiB of memory"
stop_agent
