#!/usr/bin/env bash
# SIGKILL while one file comes over several connections: nothing beyond what is contiguous and synced
# is believed, and the file still comes whole.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
size=$((400 << 20))
NGINX_RATE=12m
: >"$WORK/slow-download"
start_nginx
configure
make_mp4 "$FILES/big.mp4" $size
# Not only zeros: a hole, or bytes at the wrong place, would not be seen.
head -c $((size - (1 << 20))) /dev/urandom |
  dd of="$FILES/big.mp4" bs=1M seek=1 iflag=fullblock conv=notrunc status=none
digest "$FILES/big.mp4" >"$WORK/expected"
start_agent
offer recording big "$ORIGIN/big.mp4"

# The sticky bit says that bytes lie ahead of the contiguous ones.
spread() {
  local part
  part=$(find "$ARCHIVE/.staging" -name '*.part' -perm 1600 -size +150M)
  [[ -n $part ]]
}
await "bytes lie ahead" spread
# Holes are not shown as received.
arrived() {
  run show big --json
  jq -e '.artifacts[0].received >= 157286400' "$OUT" >/dev/null
}
await "150 MiB have arrived" arrived
stop_agent KILL
equal "the agent was killed" "$AGENT_STATUS" 137
part=$(find "$ARCHIVE/.staging" -name '*.part')
equal "mode of what is left" "$(stat -c %a "$part")" 1600
before=$(stat -c %s "$part")
(($(stat -c %b "$part") * 512 < before)) || die "there is no hole: the test shows nothing"

rm "$WORK/slow-download"
: >"$NGINX_LOG"
start_agent
await "the session is complete" session_is big complete
judge "the digest is that of the original" "$WORK/show.json" '.artifacts[0] | .sha256 == $d and .size == $n' \
  --arg d "$(cat "$WORK/expected")" --argjson n $size
run paths big
equal "digest of the archived file" "$(digest "$(cat "$OUT")")" "$(cat "$WORK/expected")"
first=$(cut -d'|' -f4 "$NGINX_LOG" | sed 's/^-$/bytes=0-/' | grep -oE '[0-9]+' | sort -n | head -n 1)
((first < before)) || die "resumed at $first of $before"
equal "staging is empty" "$(find "$ARCHIVE/.staging" -type f | wc -l)" 0
peak=$(awk '/^VmHWM:/ { print $2 }' "/proc/$AGENT/status")
[[ -n $SANITIZERS ]] || ((peak < 200000)) || die "the agent took $peak KiB of memory"

# Without a kill: slow, over several connections, and byte for byte the same.
: >"$WORK/slow-download"
: >"$NGINX_LOG"
cp "$FILES/big.mp4" "$FILES/again.mp4"
offer recording again "$ORIGIN/again.mp4"
await "the session is complete" session_is again complete
run paths again
equal "digest of the archived file" "$(digest "$(cat "$OUT")")" "$(cat "$WORK/expected")"
(($(grep -c '|206|' "$NGINX_LOG") >= 3)) || die "no ranges were asked for: $(cat "$NGINX_LOG")"
stop_agent
