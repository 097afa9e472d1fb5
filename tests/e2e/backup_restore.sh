#!/usr/bin/env bash
# The README's backup, restore and upgrade: a journal with a page that went bad is told by check and
# by the agent, the intake goes on, and both ways back work: the backup, and what can be read of the
# damaged file.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
start_nginx
configure
start_agent
for n in 1 2 3; do
  make_mp4 "$FILES/file$n.mp4" $((10000 * n))
  offer recording "c$n" "$ORIGIN/file$n.mp4"
done
# Enough rows that a page in the middle of the file holds bodies of the past.
for n in {1..60}; do
  event '{type: "brand_new", app_id: "a", conf_num: "c", filler: ("x" * 2000 + $n)}' --arg n "$n"
done
archived() { for n in "$@"; do holds "c$n" 'all(.artifacts[]; .state == "archived")' || return 1; done; }
await "three files are archived" archived 1 2 3
await "all are looked at" all_applied
# As in the README, while the agent runs.
sqlite3 "$STATE/journal.db" ".backup '$WORK/backup.db'"
make_mp4 "$FILES/file4.mp4" 40000
offer recording c4 "$ORIGIN/file4.mp4"
await "one more after the backup" archived 4
stop_agent
run check
check "a whole journal is told" grep -qE 'the journal .*: whole, [0-9]+ rows, chain unbroken' "$OUT"

# ---- a page goes bad ----
sqlite3 "$STATE/journal.db" 'pragma wal_checkpoint(truncate)' >/dev/null
pages=$(sqlite3 "$STATE/journal.db" 'pragma page_count')
page=$(sqlite3 "$STATE/journal.db" "select max(pageno) from dbstat where name = 'body' and pagetype = 'leaf' and pageno < $pages / 2")
((page > 1)) || die "no page of bodies among $pages"
cp "$STATE/journal.db" "$WORK/whole.db"
dd if=/dev/urandom of="$STATE/journal.db" bs="$(sqlite3 "$WORK/whole.db" 'pragma page_size')" \
  seek=$((page - 1)) count=1 conv=notrunc status=none
cp "$STATE/journal.db" "$WORK/damaged.db"
status=0
rk check || status=$?
equal "status of check with a damaged journal" "$status" 9
check "check tells it, and the way out" grep -qE 'the journal: .*(malformed|was changed).*' "$OUT"
check "with where it is written" grep -q 'Back up, restore, upgrade' "$OUT"

# ---- the whole file is gone, while its catalog is there ----
mv "$STATE/journal.db" "$WORK/away.db"
refused 4 'journal in .* is gone, while its catalog is there: put it back' deliveries
mv "$WORK/away.db" "$STATE/journal.db"

# Without a catalog the agent needs those rows. It takes events all the same.
rm -f "$STATE"/catalog.db*
start_agent
await "it is said what is wrong and what to do" logged 'the journal: .*restore the journal'
check "the intake goes on" offer recording c5 "$ORIGIN/file1.mp4"
check "readyz names it" test "$(http "$ADMIN/readyz")" = 503
check "with its cause: $(cat "$WORK/answer")" grep -q 'journal' "$WORK/answer"
stop_agent

# ---- back: what can be read of it ----
mv "$STATE/journal.db" "$WORK/damaged.db"
rm -f "$STATE"/journal.db-* "$STATE"/catalog.db*
(
  umask 077
  sqlite3 "$WORK/damaged.db" .dump | sed 's/^ROLLBACK.*/COMMIT;/' | sqlite3 "$STATE/journal.db"
  for p in user_version application_id; do
    sqlite3 "$STATE/journal.db" "PRAGMA $p = $(sqlite3 "$WORK/damaged.db" "PRAGMA $p")"
  done
)
run check # what is lost are bodies: all rows are there, and the chain holds
start_agent
await "what was offered since is archived" archived 5
archived 4 || die "what came after the damage is not known"
for n in 1 2 3 4; do
  if rk show "c$n" --json; then judge "c$n is as it was" "$OUT" 'all(.artifacts[]; .state == "archived")'; fi
done
stop_agent
equal "exit status of the agent" "$AGENT_STATUS" 0

# ---- back: the backup ----
rm -f "$STATE"/journal.db* "$STATE"/catalog.db*
install -m 0600 "$WORK/backup.db" "$STATE/journal.db"
start_agent
await "what the backup knew is archived" archived 1 2 3
never "what came later is known by itself" rk show c4
# The provider sends it again, or the archive lists it: the same file is taken up, not overwritten.
offer recording c4 "$ORIGIN/file4.mp4"
await "the later one comes back" archived 4
equal "files of c4" "$(find "$ARCHIVE/room-1/c4/recording" -type f | wc -l)" 1
stop_agent
equal "exit status of the agent" "$AGENT_STATUS" 0
