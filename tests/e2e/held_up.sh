#!/usr/bin/env bash
# What holds recordings up is said at once, where the operator looks: an app_id that nobody
# configured, an archive that became read-only, a file larger than the disk.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
start_nginx
configure
sed -i 's/^\[\[project\]\]/&\napp_id = "known-app"/' "$CONFIG"
# What the agent alone knows is asked at an address that the commands know too.
admin_port=$((20000 + RANDOM % 12000))
while answers "$admin_port"; do admin_port=$((20000 + RANDOM % 12000)); done
sed -i "/^\[admin\]/{n;s/:0/:$admin_port/}" "$CONFIG"
make_mp4 "$FILES/film.mp4" 50000
make_mp4 "$FILES/more.mp4" 60000
start_agent

# ---- an app_id without a [[project]] ----
offer recording c1 "$ORIGIN/film.mp4"
await "the log says it at once" logged 'WARN.*no \[\[project\]\] is for their app_id.* app_id=app-1|warn.*no \[\[project\]\] is for their app_id'
metric() { http "$ADMIN/metrics" >/dev/null && grep -qx "$1" "$WORK/answer"; }
await "and a metric" metric 'reelkeep_unconfigured_app_ids 1'
for command in sessions queue 'show c1' 'why c1'; do
  # shellcheck disable=SC2086
  run $command
  check "$command says it: $(cat "$OUT")" grep -qF 'no [[project]] block is for app_id app-1' "$OUT"
done
check "nothing is promised: $(cat "$OUT")" grep -qF 'nothing, until a [[project]] block is for its app_id' "$OUT"
run queue --json
check "no time is told for it: $(cat "$OUT")" jq -e '.queue | length == 1 and all(.eta == null)' "$OUT"
# As told there:
sed -i 's/^app_id = "known-app"/app_id = "*"/' "$CONFIG"
kill -HUP "$AGENT"
await "it is fetched" holds c1 'all(.artifacts[]; .state == "archived")'
await "nothing is amiss any more" metric 'reelkeep_unconfigured_app_ids 0'
run show c1
check "the digest stands there for people" grep -qF "sha256 $(sha256sum <"$FILES/film.mp4" | cut -d' ' -f1)" "$OUT"

# ---- a part of an event, a pair that is refused ----
event '{type: "recording", trans_date: $now, app_id: "app-1", room_id: "room-1", conf_num: "c1",
        recording: ["//files.example/b.mov", $u]}' --arg u "$ORIGIN/film.mp4"
await "what was left out is warned of" logged 'a part of an event could not be understood.*recording\[0\]'
equal "a wrong pair" "$(http -u "$HOOK_USER:wrong" --data-binary '{}' "$HOOK")" 401
await "it is told at once" logged 'deliveries were refused: user name or password'

# ---- hosts without one, and the placeholder ----
cp "$CONFIG" "$WORK/good.toml"
sed -i 's/^hosts = .*/hosts = []/' "$CONFIG"
refused 2 'config\.toml:[0-9]+:[0-9]+: hosts is empty' sessions
sed -e "s|^password_file = \"secrets/hook\"|password = \"change-me\"|" "$WORK/good.toml" >"$CONFIG"
status=0
rk check || status=$?
check "the placeholder is told on loopback too" grep -q 'is "change-me"' "$OUT" "$ERR"
cp "$WORK/good.toml" "$CONFIG"
stop_agent

# ---- an archive that becomes read-only, a file larger than the disk ----
mkdir "$WORK/disk"
if ! mount -t tmpfs -o size=30m,mode=0755 tmpfs "$WORK/disk" 2>/dev/null; then
  note "no filesystem can be mounted here: the rest is left out"
  exit 0
fi
unmount() { umount -l "$WORK/disk" 2>/dev/null || true; }
trap 'unmount; finish' EXIT
cat >>"$CONFIG" <<TOML
stores = ["small"]
[[store]]
id = "small"
type = "local"
path = "disk/archive"
TOML
start_agent
offer recording c2 "$ORIGIN/film.mp4"
await "the small store works" holds c2 'all(.artifacts[]; .state == "archived")'
ready_is() { [[ $(http "$ADMIN/readyz") == "$1" ]]; }
await "all is well" ready_is 200
mount -o remount,ro "$WORK/disk"
await "readyz says that it cannot be written" ready_is 503
check "with the cause: $(cat "$WORK/answer")" grep -q 'read-only file system' "$WORK/answer"
offer recording c3 "$ORIGIN/more.mp4"
run why c3
check "why says so: $(cat "$OUT")" grep -q 'mount it read-write' "$OUT"
run queue
check "queue says so: $(cat "$OUT")" grep -q 'mount it read-write' "$OUT"
never "the provider's credentials are blamed" logged 'refuses the file credentials'
mount -o remount,rw "$WORK/disk"
await "it goes on by itself" holds c3 'all(.artifacts[]; .state == "archived")'
check "and says so" logged 'works again|is available again'
await "all is well again" ready_is 200

# 30 MiB, of which 16 MiB are to stay free: 20 MiB never fit, small ones go on.
make_mp4 "$FILES/large.mp4" $((20 * 1024 * 1024))
offer recording c4 "$ORIGIN/large.mp4"
await "it is told" ready_is 503
check "with the cause: $(cat "$WORK/answer")" grep -qE 'larger than the free space|wait for free space' "$WORK/answer"
mount -o remount,size=120m "$WORK/disk"
await "with space it comes" holds c4 'all(.artifacts[]; .state == "archived")'
await "all is well at last" ready_is 200
stop_agent
equal "exit status of the agent" "$AGENT_STATUS" 0
