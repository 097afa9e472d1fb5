#!/usr/bin/env bash
# Reading replicas back on demand: what is wrong is told, journaled and repaired, with the agent
# running or not, and a disk that is not mounted is no loss.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
start_nginx
configure
cat >>"$CONFIG" <<TOML
stores = ["local", "second"]
[[store]]
id = "local"
type = "local"
path = "state/archive"
[[store]]
id = "second"
type = "local"
path = "second"
[audit]
every = "0s"
TOML
for n in 1 2 3; do make_mp4 "$FILES/file$n.mp4" $((100000 * n)); done
start_agent
offer recording c1 "$ORIGIN/file1.mp4" "$ORIGIN/file2.mp4"
offer recording c2 "$ORIGIN/file3.mp4"
await "the first session is complete" session_is c1 complete
await "the second session is complete" session_is c2 complete
file_of() { find "$1" -name "$2" -not -path '*/.staging/*'; }
rot() { # one bit of the last byte
  local size
  size=$(stat -c %s "$1")
  chmod u+w "$1"
  printf 'X' | dd of="$1" bs=1 seek=$((size - 1)) conv=notrunc status=none
}
findings() { sqlite3 "$STATE/journal.db" "select count(*) from body where cast(bytes as text) like '%replica_found%'"; }

# ---- all is well ----
run verify
check "all six are good" grep -q '^6 replicas read back, .* in all: 6 good, 0 wrong$' "$OUT"
equal "nothing is journaled of what is as it was" "$(findings)" 0
run verify --quick --json
judge "no byte is read" "$OUT" '.good == 6 and .bytes == 0 and .wrong == [] and .unavailable == []'
run verify c2 --store second --json
judge "one replica" "$OUT" '.checked == 1 and .bytes == 300000'
equal "a named session's reading is evidence" "$(findings)" 1
refused 4 'no session nowhere is known' verify nowhere
refused 4 'no \[\[store\]\] with the id elsewhere' verify --store elsewhere
refused 2 'not both' verify c1 --artifact abc

# ---- rot, beside a running agent: found, then copied from the other store ----
bad=$(file_of "$ARCHIVE" file1.mp4)
run verify c1
await "when a named session was read is known" holds c1 \
  '[.artifacts[].replicas[].read_at] | length > 0 and all(. != null)'
read_at=$(jq -r --arg path "$bad" '.artifacts[].replicas[] | select(.location == $path) | .read_at' "$WORK/show.json")
rot "$bad"
run verify --quick
status=0
rk verify --json || status=$?
equal "exit status with a rotten file" "$status" 9
judge "it is told" "$OUT" '.good == 5 and (.wrong | length) == 1 and .wrong[0].state == "corrupt"
  and .wrong[0].store == "local" and .wrong[0].location == $path and (.wrong[0].cause | test("SHA-256"))' --arg path "$bad"
judge "and when it was read and good" "$OUT" '.wrong[0].read_at == $at' --arg at "$read_at"
repaired() {
  show "$1" && jq -e '[.artifacts[] | .state == "archived" and (.replicas
    | ([.[] | select(.store == "local" and .state == "verified")] | length == 1) and
      ([.[] | select(.store == "second" and .state == "verified")] | length == 1))] | all and length > 0' "$WORK/show.json"
}
await "the rotten one is repaired" repaired c1
equal "it was not fetched again" "$(grep -c "|/file1.mp4\$" "$NGINX_LOG")" 1
run verify
never "the rotten one is no path" bash -c "'$REELKEEP' --config '$CONFIG' paths c1 | grep -qx '$bad'"
check "the rotten one stays" test -f "$bad"
check "no manifest names it" sh -c 'cd "$1" && sha256sum --quiet -c manifest-sha256.txt' sh "$(dirname "$(dirname "$bad")")"
judge "time and cause stay" "$WORK/show.json" '[.artifacts[].replicas[] | select(.state == "corrupt") | .found_at != null and .cause != null] == [true]'

# ---- a file is gone while no agent runs: the next one copies it back ----
stop_agent
gone=$(file_of "$WORK/second" file3.mp4)
rm -f "$gone"
refused 9 '1 of 6 replicas are not what they were; no agent runs; once it is started' verify
check "a table names it" grep -q "missing" "$OUT"
# Nobody is told that all is well until an agent has taken it up.
show c2
judge "what was found is told at once" "$WORK/show.json" '.state == "waiting" and (.artifacts[0] |
  .state == "verifying" and .error.code == "corrupt" and
  ([.replicas[] | {(.store): .state}] | add == {local: "verified", second: "missing"}))'
run sessions --state waiting --json
judge "in the list as well" "$OUT" '[.[] | [.conf_num, .archived]] == [["c2", 0]]'
run sessions --state complete --json
judge "and where it is not any more" "$OUT" '[.[].conf_num] == ["c1"]'
run paths c2
never "the missing one is no path" grep -qxF "$gone" "$OUT"
run why c2
check "with its cause" grep -q 'missing at .*file3.mp4' "$OUT"
start_agent
await "it is copied back" test -f "$gone"
check "with its bytes" cmp "$gone" "$FILES/file3.mp4"
await "all is well again" rk verify

# ---- not mounted: no loss ----
stop_agent
mv "$WORK/second" "$WORK/unmounted"
mkdir "$WORK/second"
refused 7 '3 replicas could not be read: .*expected archive' verify
check "what can be read is read" grep -q '^3 replicas read back' "$OUT"
check "nothing is written there" test -z "$(ls -A "$WORK/second")"
refused 7 'could not be read' verify --quick --store second
rmdir "$WORK/second"
mv "$WORK/unmounted" "$WORK/second"
run verify

# ---- both copies rot and the source is gone: nothing pretends ----
rm -f "$FILES/file3.mp4"
rot "$(file_of "$ARCHIVE" file3.mp4)"
rot "$gone"
rk verify c2 --json && die "two rotten copies are not noticed"
judge "both are told" "$OUT" '(.wrong | length) == 2'
start_agent
not_archived() { show c2 && jq -e '.state != "complete" and (.artifacts[0].state | IN("planned", "running", "waiting", "expired"))' "$WORK/show.json"; }
await "it is work again" not_archived
refused 4 'has no verified file' paths c2
stop_agent
