#!/usr/bin/env bash
# The catalog can be deleted: the next start rebuilds it from the journal, without one request. And a
# journal that was replaced by an older copy is noticed.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
start_nginx
configure
start_agent
for n in 1 2 3 4; do
  make_mp4 "$FILES/file$n.mp4" $((10000 * n))
done
echo '{"chat": []}' >"$FILES/chat.json"
event '{type: "session_start", trans_date: ($now - 60), app_id: "app-1", room_id: "room-1", conf_num: "c1"}'
offer recording c1 "$ORIGIN"/file{1,2,3,4}.mp4
offer chatdata c1 "$ORIGIN/chat.json"
offer metadata c1 "$ORIGIN/withdrawn.json"
event '{type: "file_transfer", trans_date: $now, app_id: "app-1", room_id: "room-1", conf_num: "c1",
        destination: {name: "sftp", host: "sftp.example", account: "me"},
        files: [{url: "sftp://sftp.example/in/file2.mp4"}, {url: "sftp://sftp.example/in/other.mp4"}]}'
event '{type: "session_stop", trans_date: $now, app_id: "app-1", room_id: "room-1", conf_num: "c1"}'
await "five files are archived" holds c1 '[.artifacts[] | select(.state == "archived")] | length == 5'
sqlite3 "$STATE/journal.db" ".backup '$WORK/journal.older'"

# Half of it again: two as they were, one with other bytes, one that is gone; and one given up.
make_mp4 "$FILES/file3.mp4" 44444 'other bytes'
mv "$FILES/file4.mp4" "$WORK/file4.away"
id_of() { jq -r --arg n "$1" '.artifacts[] | select(.name == $n) | .id' "$WORK/show.json"; }
metadata=$(id_of withdrawn.json)
again=()
for n in 1 3 4; do again+=(--artifact "$(id_of "file$n.mp4")"); done
status=0
rk redownload c1 "${again[@]}" --wait=60s || status=$?
equal "status of the redownload, one of which is gone" "$status" 4
run cancel --artifact "$metadata" --reason 'never published'
await "it is cancelled" holds c1 'any(.artifacts[]; .state == "cancelled")'
holds c1 '[.artifacts[].replicas[] | select(.state == "superseded")] | length == 1' ||
  die "the old bytes of file3 are not kept beside the new ones"
run deliveries --json
jq 'sort_by(.seq)' "$OUT" >"$WORK/deliveries.before"
stop_agent
stop_nginx
show c1
asked=$(requests)

# Attempts and times are ours alone: the journal does not have them.
comparable() {
  jq -S '.artifacts |= (map(del(.attempts, .next_attempt_at, .deadline, .error) |
    .replicas |= (map(del(.verified_at)) | sort_by(.location))) | sort_by(.id)) | del(.deadline)' "$1"
}
comparable "$WORK/show.json" >"$WORK/before"
rm "$STATE"/catalog.db*
start_agent
await "the log says that there was no catalog" logged 'there was no catalog: it is built from the journal'
await "the catalog is there again" session_is c1 complete
comparable "$WORK/show.json" >"$WORK/after"
diff "$WORK/before" "$WORK/after" >&"$told" || die "another session came out of the journal"
run deliveries --json
jq 'sort_by(.seq)' "$OUT" >"$WORK/deliveries.after"
diff "$WORK/deliveries.before" "$WORK/deliveries.after" >&"$told" || die "other deliveries came out of the journal"
# The agent has done all it wants to do when it has taken something new: then look for requests.
event '{type: "session_start", trans_date: $now, app_id: "app-1", room_id: "room-1", conf_num: "new"}'
await "it goes on" session_is new open
never "something was fetched" logged fetching
never "something was tried" logged 'an attempt failed'
stop_agent
start_nginx
equal "requests after the rebuild" "$(requests)" "$asked"

# ---- an older journal ----
start_agent
offer recording later "$ORIGIN/file1.mp4"
await "a later session" session_is later complete
stop_agent
cp "$WORK/journal.older" "$STATE/journal.db"
rm -f "$STATE"/journal.db-wal "$STATE"/journal.db-shm
start_agent
await "the log says that the journal is another" logged 'error the journal is not the one .*\(replaced or set back\)'
await "the catalog is that of the older journal" holds c1 '[.artifacts[] | select(.state == "archived")] | length == 5'
refused 4 'later' show later
run sessions --json
equal "sessions that the older journal knows" "$(jq -r '.[].conf_num' "$OUT")" c1
# What is in the archive stays, known or not.
check "the later session's file is still there" test -f "$ARCHIVE/room-1/later/recording/file1.mp4"
# The intake goes on from there, and the files of the sessions that were forgotten are not overwritten.
make_mp4 "$FILES/file1.mp4" 12345 'a third version'
event '{type: "recording", trans_date: ($now + 1), app_id: "app-1", room_id: "room-1", conf_num: "later", recording: $u}' \
  --arg u "$ORIGIN/file1.mp4"
await "the session comes again" session_is later complete
run paths later
equal "digest of the new file" "$(digest "$(cat "$OUT")")" "$(digest "$FILES/file1.mp4")"
never "the file of the forgotten session was overwritten" test "$(cat "$OUT")" = "$ARCHIVE/room-1/later/recording/file1.mp4"
(cd "$ARCHIVE/room-1/later" && sha256sum --quiet -c manifest-sha256.txt) || die "the manifest is wrong"
stop_agent

# ---- no journal at all ----
root=$(sqlite3 "$STATE/catalog.db" "SELECT key || value FROM note WHERE key LIKE 'root:%'")
check "the archive's id is noted" test -n "$root"
rm -f "$STATE"/journal.db*
start_agent
await "the log says so" logged 'error the journal is gone: a new one is begun.* catalog_kept_in='
kept=("$STATE"/catalog.db.before-*)
equal "copies" "${#kept[@]}" 1
equal "mode of the copy" "$(stat -c %a "${kept[0]}")" 600
equal "sessions in the copy" "$(sqlite3 -readonly "${kept[0]}" 'SELECT conf_num FROM session ORDER BY 1' | tr '\n' ' ')" 'c1 later '
await "the new catalog does not know the old sessions" eval '! rk show later'
refused 4 'later' show later
# What the archive is known by stays: another one in its place would be noticed.
equal "the archive's id" "$(sqlite3 -readonly "$STATE/catalog.db" "SELECT key || value FROM note WHERE key LIKE 'root:%'")" "$root"
stop_agent
start_agent
kept=("$STATE"/catalog.db.before-*)
equal "copies after another start" "${#kept[@]}" 1
stop_agent
