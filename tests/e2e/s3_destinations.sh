#!/usr/bin/env bash
# What the provider pushes into buckets, on Ceph's RADOS Gateway: looked at, fetched, adopted, moved
# into our layout by a copy at the server. s3cmd, which nobody here wrote, sees the same.
here=$(dirname "$0")
if [[ -z ${S3_ENDPOINT:-} ]]; then
  exec "$here/../support/with_rgw.sh" "$0" "$@"
fi
source "$here/lib.sh"
start_nginx
configure

s3() {
  s3cmd --config /dev/null --host "${S3_ENDPOINT#http://}" --host-bucket "${S3_ENDPOINT#http://}" \
    --no-ssl --access_key "$S3_ACCESS_KEY_ID" --secret_key "$S3_SECRET_ACCESS_KEY" "$@"
}
for bucket in looked rescue mine tidy; do s3 mb "s3://$bucket" >/dev/null; done
lies() { s3 info "$1" >/dev/null 2>&1; }
bytes() { rm -f "$WORK/got" && s3 get "$1" "$WORK/got" >/dev/null && digest "$WORK/got"; }

printf '%s\n' "$S3_SECRET_ACCESS_KEY" >"$WORK/secrets/s3"
chmod 0600 "$WORK/secrets/s3"
destination() { # BUCKET ACTION [LINE...]
  printf '%s\n' '[[destination]]' "id = \"$1\"" 'name = "awss3"' "account = \"$1\"" \
    "action = \"$2\"" "endpoint = \"$S3_ENDPOINT\"" "region = \"$S3_REGION\"" 'path_style = true' \
    "access_key_id = \"$S3_ACCESS_KEY_ID\"" 'secret_access_key_file = "secrets/s3"' "${@:3}"
}
cat >>"$CONFIG" <<TOML
[[project]]
app_id = "adopting"
hosts = ["127.0.0.1"]
stores = ["mine"]
[[project]]
app_id = "both"
username = "$FILE_USER"
password_file = "secrets/files"
hosts = ["127.0.0.1"]
stores = ["local", "mine"]
[[store]]
id = "local"
$(destination looked verify)
$(destination rescue fetch)
$(destination mine adopt)
$(destination tidy organise 'prefix = "archive"' 'source_prefix = "room-1"')
TOML
start_agent

# pushed APP CONF BUCKET URL...: the event that these files were pushed.
pushed() {
  local app=$1 conf=$2 bucket=$3
  shift 3
  event '{type: "file_transfer", trans_date: $now, app_id: $a, room_id: "room-1", conf_num: $c,
          destination: {name: "awss3", host: "", account: $b}, files: [$ARGS.positional[] | {url: .}]}' \
    --arg a "$app" --arg c "$conf" --arg b "$bucket" --args "$@"
}

# ---- looked at, by every form of address ----
for name in whole cut; do make_mp4 "$FILES/$name.mp4" 60000 "$name"; done
head -c 5000 "$FILES/cut.mp4" >"$WORK/short.mp4"
s3 put "$FILES/whole.mp4" s3://looked/room-1/looked/whole.mp4 >/dev/null
s3 put "$WORK/short.mp4" s3://looked/room-1/looked/cut.mp4 >/dev/null
offer recording looked "$ORIGIN/whole.mp4" "$ORIGIN/cut.mp4"
pushed app-1 looked looked https://looked.s3.amazonaws.com/room-1/looked/whole.mp4 \
  https://s3.eu-west-1.amazonaws.com/looked/room-1/looked/cut.mp4 s3://looked/room-1/looked/gone.mp4
replica='.artifacts[] | select(.name == $n) | .replicas[] | select(.store == "looked") | .state'
await "the whole object is verified" holds looked "[$replica] == [\"verified\"]" --arg n whole.mp4
await "the cut object is corrupt" holds looked "[$replica] == [\"corrupt\"]" --arg n cut.mp4
await "what is not there is missing" holds looked "[$replica] == [\"missing\"]" --arg n gone.mp4
await "the session is complete all the same" session_is looked complete

# ---- fetched: only pushed, and what the provider answers 404 to ----
make_mp4 "$WORK/only.mp4" 300000 only
s3 put "$WORK/only.mp4" 's3://rescue/room 1/only+100% there.mp4' >/dev/null
pushed app-1 only rescue 's3://rescue/room 1/only+100% there.mp4'
await "what was only pushed is archived" holds only '.artifacts[0].state == "archived"'
equal "its bytes" "$(jq -r '.artifacts[0].sha256' "$WORK/show.json")" "$(digest "$WORK/only.mp4")"
make_mp4 "$WORK/late.mp4" 70000 late
s3 put "$WORK/late.mp4" s3://rescue/room-1/late/late.mp4 >/dev/null
offer recording late "$ORIGIN/late.mp4"
pushed app-1 late rescue s3://rescue/room-1/late/late.mp4
await "what the provider does not have is archived" holds late \
  '.artifacts | length == 1 and .[0].kind == "recording" and .[0].state == "archived"'
equal "its bytes" "$(jq -r '.artifacts[0].sha256' "$WORK/show.json")" "$(digest "$WORK/late.mp4")"

# ---- adopted: not downloaded at all; metadata that lies is not believed ----
make_mp4 "$WORK/adopted.mp4" 70000 adopted
before=$(requests)
s3 put --add-header "x-amz-meta-sha256:$(digest "$WORK/adopted.mp4")" "$WORK/adopted.mp4" \
  s3://mine/room-1/adopted/a.mp4 >/dev/null
pushed adopting adopted mine s3://mine/room-1/adopted/a.mp4
await "the pushed object counts as archived" holds adopted '.artifacts[0].state == "archived"'
judge "it is where the provider put it, and was read" "$WORK/show.json" \
  '.artifacts[0] | .sha256 == $d and (.replicas | length == 1 and (.[0] | .store == "mine" and
   .state == "verified" and .read_at != null and .location == "s3://mine/room-1/adopted/a.mp4"))' \
  --arg d "$(digest "$WORK/adopted.mp4")"
equal "requests to the provider" "$(requests)" "$before"
s3 put --add-header "x-amz-meta-sha256:$(digest "$WORK/adopted.mp4")" "$WORK/late.mp4" \
  s3://mine/room-1/lying/l.mp4 >/dev/null
pushed adopting lying mine s3://mine/room-1/lying/l.mp4
await "other bytes than the metadata says are told" holds lying \
  '.artifacts[0] | .state != "archived" and any(.replicas[]; .state == "corrupt" and .found_at != null)'

# ---- adopted beside a store of ours: other bytes than came ----
make_mp4 "$FILES/two.mp4" 70000 two
s3 put "$WORK/late.mp4" s3://mine/room-1/two/two.mp4 >/dev/null
event '{type: "recording", trans_date: $now, app_id: "both", room_id: "room-1", conf_num: "two", recording: [$u]}' \
  --arg u "$ORIGIN/two.mp4"
pushed both two mine s3://mine/room-1/two/two.mp4
await "the disagreement is an error with a cause" holds two \
  '.artifacts[0] | .state == "verifying" and .error.code == "corrupt" and
   any(.replicas[]; .store == "mine" and .state == "corrupt") and
   any(.replicas[]; .store == "local" and .state == "verified")'
equal "the session" "$(jq -r .state "$WORK/show.json")" overdue
run why two
check "why says what differs" grep -q 'what the provider pushed to destination "mine" is not what was downloaded: s3://mine/room-1/two/two.mp4: its SHA-256 is' "$OUT"
check "and the way out" grep -q 'have the provider push it again, or leave destination "mine" out of stores' "$OUT"
s3 put "$FILES/two.mp4" s3://mine/room-1/two/two.mp4 >/dev/null
event '{type: "file_transfer", trans_date: ($now + 1), app_id: "both", room_id: "room-1", conf_num: "two",
        destination: {name: "awss3", host: "", account: "mine"}, files: [{url: "s3://mine/room-1/two/two.mp4"}]}'
await "pushed again and good, it is archived" holds two '.artifacts[0].state == "archived"'

# ---- organised by CopyObject ----
make_mp4 "$WORK/m.mp4" 80000 moved
s3 put --mime-type video/quicktime --add-header x-amz-meta-room:r1 "$WORK/m.mp4" \
  's3://tidy/room-1/moved/m+1.mp4' >/dev/null
pushed app-1 moved tidy 's3://tidy/room-1/moved/m+1.mp4'
await "the record names the new place" holds moved \
  'any(.artifacts[0].replicas[]; .state == "verified" and .location == "s3://tidy/archive/room-1/moved/delivered/m+1.mp4")'
equal "the bytes there" "$(bytes 's3://tidy/archive/room-1/moved/delivered/m+1.mp4')" "$(digest "$WORK/m.mp4")"
never "it is still at the old place" lies 's3://tidy/room-1/moved/m+1.mp4'
s3 info 's3://tidy/archive/room-1/moved/delivered/m+1.mp4' >"$OUT"
check "its type went along" grep -q video/quicktime "$OUT"
check "its metadata went along" grep -q 'x-amz-meta-room: *r1' "$OUT"

# ---- a sender names what is none of its own: nothing of it is touched ----
s3 put "$WORK/late.mp4" s3://tidy/private/late.mp4 >/dev/null
moved='s3://tidy/archive/room-1/moved/delivered/m+1.mp4'
pushed app-1 greedy tidy s3://tidy/private/late.mp4 "$moved" s3://tidy/room-1/../private/late.mp4
await "each says why it is left alone" holds greedy \
  '[.artifacts[].replicas[] | select(.store == null and .state == "delivered" and
    (.cause | startswith("it is not in source_prefix \"room-1/\" of destination \"tidy\"")))] | length == 3'
check "the private file is where it was" lies s3://tidy/private/late.mp4
check "what was moved is where it was" lies "$moved"

# ---- the journal alone knows all of it ----
stop_agent
rm "$STATE"/catalog.db*
start_agent
for conf in adopted only late two; do
  await "$conf is archived" holds "$conf" '.artifacts[0].state == "archived"'
done
await "organised" holds moved 'any(.artifacts[0].replicas[]; .location | contains("/archive/"))'

# ---- metrics ----
s3 put "$WORK/m.mp4" s3://looked/room-1/counted/m.mp4 >/dev/null
pushed app-1 counted looked s3://looked/room-1/counted/m.mp4 s3://looked/room-1/counted/gone.mp4
counted() {
  http "$ADMIN/metrics" >/dev/null
  grep -qE "^reelkeep_destination_files_total\{destination=\"looked\",outcome=\"$1\"\} [1-9]" "$WORK/answer"
}
await "what is there is counted" counted verified
await "what is not there is counted" counted missing

# ---- what is wrong with a bucket, in words ----
stop_agent
run check --online
equal "destinations that let us in" "$(grep -c 'destination.*answers and accepts the login' "$OUT")" 4
sed -i 's/^account = "looked"/account = "nowhere"/' "$CONFIG"
refused 7 'destination.*"looked".*there is no bucket nowhere' check --online
# A zone group is Ceph's word for a region; this gateway has one, and is told that a bucket is in another.
s3 mb s3://abroad >/dev/null
instance=bucket.instance:abroad:$("$S3_ADMIN" metadata get bucket:abroad | jq -r .data.bucket.bucket_id)
"$S3_ADMIN" metadata get "$instance" | jq '.data.bucket_info.zonegroup = "elsewhere"' >"$WORK/abroad.json"
"$S3_ADMIN" metadata put "$instance" <"$WORK/abroad.json"
sed -i 's/^account = "nowhere"/account = "abroad"/' "$CONFIG"
refused 2 'destination.*"looked".*bucket abroad is not in region default of .*: correct region and endpoint in \[\[destination\]\]' check --online
sed -i 's/^account = "abroad"/account = "looked"/' "$CONFIG"
printf 'wrong\n' >"$WORK/secrets/s3"
refused 5 'destination.*refuses the signature: secret_access_key' check --online
never "the key was printed" grep -rlaF "$S3_SECRET_ACCESS_KEY" "$SEEN" "$AGENT_LOG" "$WORK/earlier.log" "$STATE"/catalog.db
