#!/usr/bin/env bash
# The service: stops within 10 s whatever runs, takes rotated secrets and new configuration at SIGHUP,
# tells its state to monitoring and to systemd, and starts from the installed tree.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
NGINX_RATE=4m
start_nginx
configure
# Staging apart from the store: each is looked at for itself.
sed -i 's/^ca_file = .*/&\nstaging_dir = "staging"/' "$CONFIG"
start_agent
user=(-u "$HOOK_USER:$HOOK_PASSWORD")
status_is() { [[ $(http "$1") == "$2" ]]; } # URL STATUS

# ---- health and figures ----
equal "livez" "$(http "$ADMIN/livez")" 200
await "readyz is well" status_is "$ADMIN/readyz" 200
sqlite3 -readonly "$STATE/journal.db" 'select count(*) from entry' >"$WORK/rows"
for _ in 1 2 3 4 5; do http "$ADMIN/readyz" >/dev/null; done
equal "rows of the journal after readyz" "$(sqlite3 -readonly "$STATE/journal.db" 'select count(*) from entry')" "$(cat "$WORK/rows")"
metric() { # NAME-WITH-LABELS: its value
  http "$ADMIN/metrics" >/dev/null
  awk -v name="$1" '$1 == name { print $2 }' "$WORK/answer"
}
metric_is() { [[ $(metric "$1") == "$2" ]]; }
equal "nothing is open at first" "$(metric reelkeep_oldest_unarchived_seconds) $(metric reelkeep_nearest_deadline_seconds)" '0 +Inf'
make_mp4 "$FILES/file1.mp4" 100000
echo '{}' >"$FILES/chat.json"
offer recording c1 "$ORIGIN/file1.mp4"
offer chatdata c1 "$ORIGIN/chat.json" "$ORIGIN/gone.json"
await "two are archived, one waits" holds c1 '[.artifacts[].state] | sort == ["archived", "archived", "waiting"]'
post "$WORK/event.json"
equal "stored" "$(metric 'reelkeep_deliveries_total{result="stored"}')" 3
equal "duplicates" "$(metric 'reelkeep_deliveries_total{result="duplicate"}')" 1
equal "archived" "$(metric 'reelkeep_artifacts{state="archived"}')" 2
await "the queue is told" metric_is 'reelkeep_artifacts{state="waiting"}' 1
equal "bytes" "$(metric reelkeep_received_bytes_total)" $((100000 + 3))
equal "successes" "$(metric 'reelkeep_attempts_total{code="ok"}')" 2
check "failures by cause" test "$(metric 'reelkeep_attempts_total{code="not_found"}')" -ge 1
equal "no other cause" "$(metric 'reelkeep_attempts_total{code="corrupt"}')" 0
number() { [[ $1 =~ ^[0-9]+(\.[0-9]+)?$ ]] || die "$2: '$1' is no number"; }
age=$(metric reelkeep_oldest_unarchived_seconds)
number "$age" "age of the oldest unarchived"
deadline=$(metric reelkeep_nearest_deadline_seconds)
number "$deadline" "seconds to the nearest deadline"
awk -v s="$deadline" 'BEGIN { exit !(s > 258000 && s <= 259200) }' || die "$deadline s to the deadline are not 72 h"
equal "the breaker is closed" "$(metric 'reelkeep_breaker_open{app_id="*"}')" 0
for filesystem in state staging local; do
  free=$(metric "reelkeep_free_bytes{filesystem=\"$filesystem\"}")
  [[ $free =~ ^[0-9] ]] || die "no free space told of $filesystem"
done
never "the metrics name a session, a room or a file" grep -qE 'room-1|"c1"|file1|127\.0\.0\.1' "$WORK/answer"
check "each metric has its help and type" test "$(grep -c '^# TYPE' "$WORK/answer")" = "$(grep -c '^# HELP' "$WORK/answer")"
run cancel c1 --reason 'not needed'
await "nothing is open again" metric_is reelkeep_oldest_unarchived_seconds 0

# ---- a store that goes away ----
mv "$ARCHIVE" "$WORK/away"
await "readyz tells that the store is away" status_is "$ADMIN/readyz" 503
check "which one: $(cat "$WORK/answer")" grep -q '^store local: expected archive' "$WORK/answer"
equal "livez, with the store away" "$(http "$ADMIN/livez")" 200
offer recording away "$ORIGIN/file1.mp4"
await "the intake goes on, bytes wait in staging" holds away '.artifacts[0].state == "verifying"'
judge "the error names its store once" "$WORK/show.json" \
  '.artifacts[0].error.message | startswith("store \"local\": expected archive")'
never "something was written where the store was" test -e "$ARCHIVE"
mv "$WORK/away" "$ARCHIVE"
await "readyz is well again" status_is "$ADMIN/readyz" 200
await "what waited is archived" session_is away complete

# ---- SIGHUP ----
reloads=0
reload() {
  kill -HUP "$AGENT"
  reloads=$((reloads + 1))
  await "the configuration is reloaded" eval '(($(grep -c "the configuration was reloaded" "$AGENT_LOG") == reloads))'
}
hook_status() { http -u "$HOOK_USER:$1" --data-binary "{\"type\": \"session_start\", \"app_id\": \"app-1\", \"conf_num\": \"sighup\", \"n\": $RANDOM$RANDOM}" "$HOOK"; }
echo 'a new password' >"$WORK/secrets/hook"
equal "the new password before SIGHUP" "$(hook_status 'a new password')" 401
reload
equal "the new password after SIGHUP" "$(hook_status 'a new password')" 200
equal "the old password after SIGHUP" "$(hook_status "$HOOK_PASSWORD")" 401
HOOK_PASSWORD='a new password'

printf '%s:%s\n' "$FILE_USER" "$(openssl passwd -apr1 'rotated at the portal')" >"$WORK/nginx/users"
offer chatdata c2 "$ORIGIN/chat.json"
await "the pair does not work any more" holds c2 '.artifacts[0].error.code == "unauthorized"'
echo 'rotated at the portal' >"$WORK/secrets/files"
reload
await "with the new one it is archived" session_is c2 complete

cp "$CONFIG" "$WORK/good.toml"
sed -i -e 's/^username = "enablex"/usrname = "enablex"/' "$CONFIG"
echo 'not taken' >"$WORK/secrets/hook"
kill -HUP "$AGENT"
await "a broken configuration is told" logged 'the configuration was not reloaded; the old one stays in force'
check "with its place" logged 'config\.toml:[0-9]+:1: unknown key "usrname".*did you mean "username"'
equal "the old password stays in force" "$(hook_status 'a new password')" 200
equal "the new one is not taken" "$(hook_status 'not taken')" 401
cp "$WORK/good.toml" "$CONFIG"
sed -i 's/^state_dir = .*/state_dir = "elsewhere"/' "$CONFIG"
reload
check "what needs a restart is told" logged 'a change takes effect at the next start only key=.*state_dir'
cp "$WORK/good.toml" "$CONFIG"
reload
equal "all is well" "$(hook_status 'not taken')" 200
HOOK_PASSWORD='not taken'

# ---- SIGTERM with everything in hand ----
: >"$WORK/slow-download"
for n in 1 2 3; do make_mp4 "$FILES/big$n.mp4" $((256 << 20)); done
offer recording big "$ORIGIN"/big{1,2,3}.mp4
await "three downloads run" holds big 'all(.artifacts[]; .state == "running" and .received > 0)'
port=${HOOK#http://127.0.0.1:}
port=${port%%/*}
exec {idle}<>"/dev/tcp/127.0.0.1/$port" # says nothing
exec {kept}<>"/dev/tcp/127.0.0.1/$port" # was answered and stays
printf 'GET /webhook HTTP/1.1\r\nHost: x\r\n\r\n' >&"$kept"
IFS= read -r -t "$HANG" line <&"$kept"
equal "answer to the client that stays" "${line%$'\r'}" 'HTTP/1.1 405 Method Not Allowed'
begin=$SECONDS
stop_agent
((SECONDS - begin <= 10)) || die "stopping took $((SECONDS - begin)) s"
equal "exit status after SIGTERM" "$AGENT_STATUS" 0
check "it says so" logged ' stopped$'
exec {idle}>&- {kept}>&-
run show big --json
judge "nothing was lost" "$OUT" 'all(.artifacts[]; .state == "planned" and .received > 0)'
rm "$WORK/slow-download"
asked=$(grep -c '|206|' "$NGINX_LOG" || true)

# ---- a second SIGTERM ends it at once ----
cat >"$WORK/hold.py" <<'PYTHON'
import sqlite3, sys, time
there = sqlite3.connect(sys.argv[1], isolation_level=None)
there.execute("BEGIN IMMEDIATE")
print("held", flush=True)
time.sleep(600)
PYTHON
start_agent
port=${HOOK#http://127.0.0.1:}
port=${port%%/*}
# An answer that waits for the journal is waited for while stopping.
python3 "$WORK/hold.py" "$STATE/journal.db" >"$WORK/holds" {pause_fd}>&- &
holder=$!
children+=("$holder")
await "the journal is locked" grep -q held "$WORK/holds"
exec {waits}<>"/dev/tcp/127.0.0.1/$port"
printf 'POST /webhook HTTP/1.1\r\nHost: x\r\nAuthorization: Basic %s\r\nContent-Length: 2\r\n\r\n{}' \
  "$(printf '%s' "$HOOK_USER:$HOOK_PASSWORD" | base64)" >&"$waits"
equal "a later request is answered" "$(http "$HOOK")" 405
again_and_again() { kill -TERM "$AGENT" 2>/dev/null; ended "$AGENT"; }
await "the agent's end" again_and_again
AGENT_STATUS=0
wait "$AGENT" 2>/dev/null || AGENT_STATUS=$?
AGENT=
kill "$holder"
exec {waits}>&-
equal "exit status after a second SIGTERM" "$AGENT_STATUS" 130
never "it says that it stopped" logged ' stopped$'

# ---- systemd's side ----
cat >"$WORK/listen.py" <<'PYTHON'
import os, socket, sys
there = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
there.bind(sys.argv[1])
print("listening", flush=True)
while True:
    print("\n".join("told " + line for line in there.recv(4096).decode().splitlines()), flush=True)
PYTHON
python3 "$WORK/listen.py" "$WORK/notify" >"$WORK/told" {pause_fd}>&- &
children+=("$!")
await "the socket is there" grep -q listening "$WORK/told"
agent_prefix=(env NOTIFY_SOCKET="$WORK/notify" WATCHDOG_USEC=4000000)
start_agent
agent_prefix=()
told() { grep -qx "told $1" "$WORK/told"; }
await "READY=1" told READY=1
equal "READY=1 comes when the intake answers" "$(http "$HOOK")" 405
await "the watchdog is fed, again and again" eval '(($(grep -cx "told WATCHDOG=1" "$WORK/told") >= 2))'
kill -HUP "$AGENT"
await "RELOADING=1" told RELOADING=1
await "READY=1 after it" eval '(($(grep -cx "told READY=1" "$WORK/told") == 2))'
never "STOPPING=1 too early" told STOPPING=1
await "the downloads are resumed and complete" session_is big complete
# One at least for each file: a slow one comes over several connections.
(($(grep -c '|206|' "$NGINX_LOG") - asked >= 3)) || die "not all were resumed: $(cat "$NGINX_LOG")"
stop_agent INT
equal "exit status after SIGINT" "$AGENT_STATUS" 0
await "STOPPING=1" told STOPPING=1

# ---- the installed tree, with the example configuration ----
tree=$WORK/tree
DESTDIR=$tree cmake --install "$BUILD" --prefix /usr >"$WORK/install.log" 2>&1 || die "install: $(tail -n 5 "$WORK/install.log")"
check "the example is the configuration" cmp "$SOURCE/config.example.toml" "$tree/etc/reelkeep/config.toml"
CONFIG=$tree/etc/reelkeep/config.toml
if answers 8080 || answers 8081; then
  sed -i -e 's/^listen = "127\.0\.0\.1:808[01]"/listen = "127.0.0.1:0"/' "$CONFIG"
fi
built=$REELKEEP
REELKEEP=$tree/usr/bin/reelkeep
STATE=$WORK/lib/reelkeep
export STATE_DIRECTORY=$STATE
mkdir "$WORK/lib"
mkdir -m 0700 "$STATE"
run check
start_agent
await "the installed program is ready" status_is "$ADMIN/readyz" 200
equal "webhook of the example" "$(http -u enablex:change-me --data-binary '{"type": "session_start", "app_id": "a", "conf_num": "installed"}' "$HOOK")" 200
await "it works" session_is installed open
equal "what it made" "$(cd "$STATE" && find . -mindepth 1 -maxdepth 1 \( -name archive -o -name journal.db -o -name catalog.db \) | sort | tr '\n' ' ')" \
  './archive ./catalog.db ./journal.db '
stop_agent
equal "exit status of the installed program" "$AGENT_STATUS" 0
REELKEEP=$built
