#!/usr/bin/env bash
# Recordings end in a bucket of Ceph's RADOS Gateway, beside the local store and instead of it: small
# and in parts, whatever their names; s3cmd, which nobody here wrote, finds the same bytes. Outages,
# wrong keys, a full quota and a killed upload cost nothing.
here=$(dirname "$0")
if [[ -z ${S3_ENDPOINT:-} ]]; then
  exec "$here/../support/with_rgw.sh" "$0" "$@"
fi
source "$here/lib.sh"
start_nginx
configure 'concurrency = 4'

s3() {
  s3cmd --config /dev/null --host "${S3_ENDPOINT#http://}" --host-bucket "${S3_ENDPOINT#http://}" \
    --no-ssl --access_key "$S3_ACCESS_KEY_ID" --secret_key "$S3_SECRET_ACCESS_KEY" "$@"
}
s3 mb s3://films >/dev/null

# The way from the agent to the gateway: as slow as a long line while the file slow-upload exists.
cat >"$WORK/line.py" <<'PYTHON'
import os, socket, sys, threading, time
gateway, slow = ("127.0.0.1", int(sys.argv[1])), sys.argv[2]
listener = socket.create_server(("127.0.0.1", int(sys.argv[3])))
print(listener.getsockname()[1], flush=True)
def carry(source, target):
    try:
        while data := source.recv(65536):
            target.sendall(data)
            if os.path.exists(slow):
                time.sleep(0.01)
    except OSError:
        pass
    for end in source, target:
        try:
            end.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
while True:
    near = listener.accept()[0]
    far = socket.create_connection(gateway)
    for pair in (near, far), (far, near):
        threading.Thread(target=carry, args=pair, daemon=True).start()
PYTHON
# open_line [PORT]: LINE is its address, LINE_PID its process.
open_line() {
  : >"$WORK/line.port"
  python3 "$WORK/line.py" "${S3_ENDPOINT##*:}" "$WORK/slow-upload" "${1:-0}" >"$WORK/line.port" {pause_fd}>&- &
  LINE_PID=$!
  children+=("$LINE_PID")
  await "the line to the gateway" test -s "$WORK/line.port"
  LINE=http://127.0.0.1:$(cat "$WORK/line.port")
}
open_line

printf '%s\n' "$S3_SECRET_ACCESS_KEY" >"$WORK/secrets/s3"
chmod 0600 "$WORK/secrets/s3"
printf 'stores = ["cloud"]\n' >>"$CONFIG"
cat >>"$CONFIG" <<TOML
[[project]]
app_id = "both"
username = "$FILE_USER"
password_file = "secrets/files"
hosts = ["127.0.0.1"]
stores = ["local", "cloud"]
[[store]]
id = "local"
[[store]]
id = "cloud"
type = "s3"
endpoint = "$LINE"
region = "$S3_REGION"
bucket = "films"
prefix = "enablex"
access_key_id = "$S3_ACCESS_KEY_ID"
secret_access_key_file = "secrets/s3"
TOML
run check
check "check tells about the bucket" grep -q 's3://films/enablex/: can be read' "$OUT"
start_agent

# same_as LOCATION FILE: s3cmd reads the bytes of the file at the location.
same_as() {
  rm -f "$WORK/got"
  s3 get --force --no-progress "$1" "$WORK/got" >/dev/null
  equal "digest of $1" "$(digest "$WORK/got")" "$(digest "$2")"
}
# location NAME: of the artifact in $WORK/show.json, in the bucket.
location() {
  jq -r --arg n "$1" '.artifacts[] | select(.name == $n).replicas[] |
    select(.store == "cloud" and .state == "verified").location' "$WORK/show.json"
}

# ---- only in the bucket: small, in parts, empty, oddly named ----
names=('plain.mp4' 'with space.mp4' 'a+b~c.mp4' "it's (a) \"quote\".mp4" 'größe 会議 🎥.mp4' '%41.mp4' 'a&b=c#d.mp4')
urls=()
for name in "${names[@]}"; do
  make_mp4 "$FILES/odd/$name" 40000 "$name"
  urls+=("$ORIGIN/odd/$(encoded "$name")")
done
make_mp4 "$FILES/odd/large.mp4" 41943051 large
urls+=("$ORIGIN/odd/large.mp4")
offer recording odd "${urls[@]}"
: >"$FILES/empty.json"
offer chatdata odd "$ORIGIN/empty.json"
await "all are archived in the bucket" session_is odd complete
for name in "${names[@]}" large.mp4; do
  same_as "$(location "$name")" "$FILES/odd/$name"
done
same_as "$(location empty.json)" "$FILES/empty.json"
equal "files in the local archive" "$(find "$ARCHIVE/room-1" -type f 2>/dev/null | wc -l)" 0
judge "locations are raw keys" "$WORK/show.json" \
  'any(.artifacts[].replicas[]; .location == "s3://films/enablex/room-1/odd/recording/größe 会議 🎥.mp4")'
s3cmd_says=$(s3 info "$(location large.mp4)")
check "the digest is in the metadata" grep -q "x-amz-meta-sha256: $(digest "$FILES/odd/large.mp4")" <<<"$s3cmd_says"
equal "unfinished uploads" "$(s3 multipart s3://films | grep -c enablex || true)" 0
equal "what is left in staging" "$(find "$ARCHIVE/.staging" -name '*.part' | wc -l)" 0

# ---- names that are alike, or the same: no two files at one key ----
urls_of_odd=${#urls[@]}
urls=()
alike=(Film.mp4 film.mp4 $'\u00e9.mp4' $'e\u0301.mp4' $'\u00c9.mp4' 'film.mp4 ' 'film.mp4.')
for folder in one two; do
  for name in "${alike[@]}"; do
    make_mp4 "$FILES/alike/$folder/$name" 3000 "$folder $name"
    urls+=("$ORIGIN/alike/$folder/$(encoded "$name")")
  done
done
offer recording alike "${urls[@]}"
await "all of them are archived" session_is alike complete
judge "each at a key of its own" "$WORK/show.json" \
  '[.artifacts[].replicas[].location] | length == $n and (unique | length) == $n' --argjson n "${#urls[@]}"
while IFS=$'\t' read -r sha256 key; do
  s3 get --force --no-progress "$key" "$WORK/got" >/dev/null
  equal "digest of $key" "$(digest "$WORK/got")" "$sha256"
  printf '%s\n' "$sha256"
done < <(jq -r '.artifacts[] | [.sha256, .replicas[0].location] | @tsv' "$WORK/show.json") | sort >"$WORK/digests"
find "$FILES/alike" -type f -exec sha256sum {} + | cut -d' ' -f1 | sort | cmp - "$WORK/digests" ||
  die "the bucket holds other bytes"

# ---- presigned URLs ----
run url odd --expires 5m
equal "one URL for each file" "$(wc -l <"$OUT")" $((urls_of_odd + 1))
cp "$OUT" "$WORK/urls"
show odd
while read -r url; do
  equal "status of a presigned URL" "$(http "$url")" 200
  digest "$WORK/answer"
done <"$WORK/urls" | sort >"$WORK/url-digests"
jq -r '.artifacts[].sha256' "$WORK/show.json" | sort | cmp - "$WORK/url-digests" ||
  die "presigned URLs give other bytes"
id=$(jq -r '.artifacts[] | select(.name == "plain.mp4").id' "$WORK/show.json")
run url --artifact "$id"
equal "status of an artifact's URL" "$(http "$(cat "$OUT")")" 200
equal "status of a URL that was tampered with" "$(http "$(sed 's/X-Amz-Expires=3600/X-Amz-Expires=3601/' "$OUT")")" 403
refused 2 'between 1s and 7d' url odd --expires 8d
refused 2 'between 1s and 7d' url odd --expires 0s
refused 2 'URLs of what' url

# ---- in both stores; an outage of the bucket holds up nothing local ----
both() { # CONF_NUM URL...
  local conf=$1
  shift
  event '{type: "recording", trans_date: $now, app_id: "both", room_id: "room-1", conf_num: $c,
          recording: $ARGS.positional}' --arg c "$conf" --args "$@"
}
make_mp4 "$FILES/both/a.mp4" 60000 a
make_mp4 "$FILES/both/b.mp4" 60000 b
make_mp4 "$FILES/both/c.mp4" 60000 c
both up "$ORIGIN/both/a.mp4"
await "a file is archived in both" session_is up complete
equal "replicas" "$(jq '[.artifacts[0].replicas[] | select(.state == "verified")] | length' "$WORK/show.json")" 2

# ---- an object changed behind our back: told, and brought again from the other store ----
changed=$(location a.mp4)
printf 'somebody else was here' >"$WORK/other"
s3 put --no-progress "$WORK/other" "$changed" >/dev/null
status=0
rk verify up --json || status=$?
equal "exit status with a changed object" "$status" 9
judge "it is told" "$OUT" '.good == 1 and (.wrong | length) == 1 and (.wrong[0] | .store == "cloud" and .state == "corrupt")'
await "the bytes are there again" holds up '.state == "complete" and
  any(.artifacts[0].replicas[]; .store == "cloud" and .state == "verified")'
same_as "$(location a.mp4)" "$FILES/both/a.mp4"
judge "the changed one is told with its cause" "$WORK/show.json" 'any(.artifacts[0].replicas[];
  .location == $l and .state == "corrupt" and .found_at != null and .cause != null)' --arg l "$changed"
s3 get --force --no-progress "$changed" "$WORK/got" >/dev/null
check "and left as it is" cmp -s "$WORK/got" "$WORK/other"

# ---- an endpoint that cannot be reached: told, nothing lost, other work goes on ----
kill "$LINE_PID"
await "the line is cut" ended "$LINE_PID"
make_mp4 "$FILES/both/cut.mp4" 60000 cut
both cut "$ORIGIN/both/cut.mp4"
await "the local copy is there" holds cut 'any(.artifacts[0].replicas[]; .store == "local" and .state == "verified")'
await "which store, and what of it, is told" holds cut '.state == "waiting" and (.artifacts[0] | .state == "verifying" and
  .error.code == "unavailable" and (.error.message | test("^store .cloud.: .*cannot connect")))'
run why cut
check "people are told as well" grep -q 'no verified copy yet in store "cloud"' "$OUT"
open_line "${LINE##*:}"
await "reached again, it is archived" session_is cut complete
same_as "$(location cut.mp4)" "$FILES/both/cut.mp4"

# ---- an outage in silence ----
kill -STOP "$S3_PID"
both down "$ORIGIN/both/b.mp4"
both down "$ORIGIN/both/c.mp4"
await "the local copies are there during the outage" holds down \
  '[.artifacts[].replicas[] | select(.store == "local" and .state == "verified")] | length == 2'
equal "the session is not complete" "$(jq -r .state "$WORK/show.json")" waiting
# Stopped in the middle of it, the agent ends in time and knows what is left.
stop_agent
equal "exit status of the agent" "$AGENT_STATUS" 0
start_agent
kill -CONT "$S3_PID"
await "what was missing in the bucket is brought there" session_is down complete
same_as "$(location b.mp4)" "$FILES/both/b.mp4"
same_as "$(location c.mp4)" "$FILES/both/c.mp4"

# ---- a full quota: a clear reason, nothing lost, other work goes on ----
"$S3_ADMIN" quota set --quota-scope bucket --bucket films --max-objects 1 >/dev/null
"$S3_ADMIN" quota enable --quota-scope bucket --bucket films >/dev/null
make_mp4 "$FILES/both/full.mp4" 60000 full
both full "$ORIGIN/both/full.mp4"
await "the full bucket is told" holds full '.artifacts[0].error.code == "no_space"'
check "and which" grep -q 'films.*quota' <(jq -r '.artifacts[0].error.message' "$WORK/show.json")
await "the local copy is there" holds full 'any(.artifacts[0].replicas[]; .store == "local")'
"$S3_ADMIN" quota disable --quota-scope bucket --bucket films >/dev/null
await "with room it is archived" session_is full complete
same_as "$(location full.mp4)" "$FILES/both/full.mp4"

# ---- a wrong key, mended on reload ----
printf 'wrong\n' >"$WORK/secrets/s3"
kill -HUP "$AGENT"
await "the reload" logged 'reload'
make_mp4 "$FILES/both/key.mp4" 60000 key
both key "$ORIGIN/both/key.mp4"
# The store may have been looked at before the file came: then it is the store that is not available.
await "the refused key is told" holds key '(.artifacts[0].error.code | IN("unauthorized", "unavailable")) and
  (.artifacts[0].error.message | contains("secret_access_key"))'
printf '%s\n' "$S3_SECRET_ACCESS_KEY" >"$WORK/secrets/s3"
kill -HUP "$AGENT"
await "with the right key it is archived" session_is key complete

# ---- killed in the middle of an upload: it goes on with the parts that are there ----
make_mp4 "$FILES/killed.mp4" 167772160 killed
: >"$WORK/slow-upload"
offer recording killed "$ORIGIN/killed.mp4"
parts() { s3 multipart s3://films | grep -q killed.mp4; }
some_sent() {
  local upload
  upload=$(s3 multipart s3://films | awk '/killed.mp4/ { print $NF }')
  [[ -n $upload ]] && s3 listmp "s3://films/enablex/room-1/killed/recording/killed.mp4" "$upload" | grep -q '16777216'
}
await "some parts of the upload are there" some_sent
stop_agent KILL
check "the upload is unfinished" parts
rm "$WORK/slow-upload"
start_agent
await "the killed upload is archived" session_is killed complete
same_as "$(location killed.mp4)" "$FILES/killed.mp4"
never "an unfinished upload is left" parts
note "peak memory of the agent: $(awk '/VmHWM/ { print $2 / 1024 " MiB" }' "/proc/$AGENT/status")"

# ---- nothing secret was told ----
stop_agent
never "the secret key was printed" grep -rlaF "$S3_SECRET_ACCESS_KEY" "$SEEN" "$AGENT_LOG" "$WORK/earlier.log" "$STATE"/catalog.db
