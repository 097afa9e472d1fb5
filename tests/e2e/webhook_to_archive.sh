#!/usr/bin/env bash
# Events posted with curl for files behind nginx (TLS, Basic auth) end as archived files, whatever
# the files are called. With HOSTILE_ENVIRONMENT=1 the agent runs in an environment whose settings
# for certificates and proxies are nonsense: they are nothing to it.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
start_nginx
configure
if [[ ${HOSTILE_ENVIRONMENT:-} == 1 ]]; then
  agent_prefix=(env CURL_CA_BUNDLE=/nonexistent SSL_CERT_FILE=/nonexistent SSL_CERT_DIR=/nonexistent
    http_proxy=http://127.0.0.1:1 https_proxy=http://127.0.0.1:1 HTTPS_PROXY=http://127.0.0.1:1
    all_proxy=http://127.0.0.1:1 ALL_PROXY=socks5://127.0.0.1:1 TMPDIR=/nonexistent HOME=/nonexistent)
fi
start_agent

# ---- every kind ----
mkdir -p "$FILES/every"
make_mp4 "$FILES/every/file1.mov" 300000
make_mp4 "$FILES/every/file2.mov" 1048577
make_mp4 "$FILES/every/final.mp4" 70000
make_mp4 "$FILES/every/live.mp4" 24064
echo '{"chat": ["hello"]}' >"$FILES/every/chat.json"
: >"$FILES/every/empty-chat.json"
echo '{"participants": 3}' >"$FILES/every/metadata.json"
echo 'A: good morning' >"$FILES/every/transcript.txt"

event '{type: "session_start", trans_date: ($now - 60), app_id: "app-1", room_id: "room-1", conf_num: "every"}'
offer recording every "$ORIGIN/every/file1.mov" "$ORIGIN/every/file2.mov"
event '{type: "transcoded", trans_date: $now, app_id: "app-1", room_id: "room-1", conf_num: "every",
        recording: $u, stage: "final", file_size: "70000"}' --arg u "$ORIGIN/every/final.mp4"
offer live_recording every "$ORIGIN/every/live.mp4"
offer chatdata every "$ORIGIN/every/chat.json" "$ORIGIN/every/empty-chat.json"
offer metadata every "$ORIGIN/every/metadata.json"
offer transcription every "$ORIGIN/every/transcript.txt"
event '{type: "session_stop", trans_date: $now, app_id: "app-1", room_id: "room-1", conf_num: "every"}'
event '{type: "roomdrop", trans_date: $now, app_id: "app-1", room_id: "room-1", conf_num: "every"}'
await "the session of every kind is complete" session_is every complete
judge "every artifact is archived" "$WORK/show.json" \
  '(.artifacts | length) == 8 and all(.artifacts[]; .state == "archived" and .error == null and .attempts == 1)'
judge "each kind is there" "$WORK/show.json" '[.artifacts[].kind] | sort ==
  ["chatdata", "chatdata", "live_recording", "metadata", "recording", "recording", "transcoded", "transcription"]'
judge "the session knows its times" "$WORK/show.json" '.started_at != null and .ended_at != null and .room_id == "room-1"'
judge "the stage and the declared size are told" "$WORK/show.json" \
  'any(.artifacts[]; .kind == "transcoded" and .stage == "final" and .declared_size == 70000 and .disputed == false)'

# archived_as CONF_NUM ARTIFACT-FILTER ORIGINAL: the digest told is that of the original, and so is
# that of a read-only file at the location told.
archived_as() {
  local artifact location sum
  artifact=$(jq -c ".artifacts[] | select($2)" "$WORK/show.json")
  sum=$(digest "$3")
  equal "digest told of $3" "$(jq -r .sha256 <<<"$artifact")" "$sum"
  equal "replicas of $3" "$(jq '[.replicas[] | select(.store == "local" and .state == "verified")] | length' <<<"$artifact")" 1
  location=$(jq -r '.replicas[] | select(.store == "local") | .location' <<<"$artifact")
  equal "location of $3 is absolute" "${location:0:1}" /
  equal "digest of $location" "$(digest "$location")" "$sum"
  equal "digest told of the replica" "$(jq -r '.replicas[] | select(.store == "local") | .sha256' <<<"$artifact")" "$sum"
  equal "mode of $location" "$(stat -c %a "$location")" 440
  equal "size told of $3" "$(jq -r .size <<<"$artifact")" "$(stat -c %s "$3")"
}
for name in file1.mov file2.mov final.mp4 live.mp4 chat.json empty-chat.json metadata.json transcript.txt; do
  archived_as every ".name == \"$name\"" "$FILES/every/$name"
done

# manifest_of CONF_NUM FILES: sha256sum accepts it, and it has so many lines.
manifest_of() {
  local manifest=$ARCHIVE/room-1/$1/manifest-sha256.txt
  (cd "$(dirname "$manifest")" && sha256sum --strict -c manifest-sha256.txt >"$WORK/manifest.log" 2>&1) ||
    die "sha256sum -c: $(cat "$WORK/manifest.log")"
  equal "files in the manifest of $1" "$(grep -c ': OK$' "$WORK/manifest.log")" "$2"
}
manifest_of every 8
# paths_of CONF_NUM: `paths` prints the locations of `show`, one per line, and nothing else.
paths_of() {
  run paths "$1"
  equal "paths of $1" "$(sort "$OUT")" \
    "$(jq -r '.artifacts[].replicas[] | select(.state == "verified") | .location' "$WORK/show.json" | sort)"
  equal "standard error of paths" "$(cat "$ERR")" ""
}
paths_of every
run paths every --kind transcoded
equal "paths of one kind" "$(digest "$(cat "$OUT")")" "$(digest "$FILES/every/final.mp4")"

# ---- hostile names ----
long=$(printf 'long%.0s' {1..60}).mp4
names=(plain.mp4 'with space.mp4' 'a+b.mp4' '%2e%2e%2f%2e%2e.mp4' "it's \"quoted\" \`id\` \$HOME.mp4"
  'Größe-会議-🎥.mp4' $'caf\u00e9.mp4' $'cafe\u0301.mp4' Take.mp4 TAKE.MP4 take.mp4 "$long" -rf.mp4 .hidden.mp4
  'CON.mp4' $'line\nbreak.mp4' 'a:b*c?d|e<f>.mp4' 'back\slash.mp4' 'trailing dot.mp4.' manifest-sha256.txt)
urls=()
for name in "${names[@]}"; do
  make_mp4 "$FILES/hostile/$name" 4096 "content of $name"
  urls+=("$ORIGIN/hostile/$(encoded "$name")")
done
# Two files that a parameter tells apart have one name; dots and slashes may come encoded.
make_mp4 "$FILES/escape.mp4" 4096 escape
make_mp4 "$FILES/hostile/same.mp4" 4096 same
urls+=("$ORIGIN/hostile/%2e%2e%2fescape.mp4" "$ORIGIN/hostile/same.mp4?take=1" "$ORIGIN/hostile/same.mp4?take=2")
offer recording hostile "${urls[@]}"
await "the session of hostile names is complete" session_is hostile complete
count=${#urls[@]}
judge "all are archived" "$WORK/show.json" \
  '(.artifacts | length) == $n and all(.artifacts[]; .state == "archived")' --argjson n "$count"
for name in "${names[@]}"; do
  archived_as hostile ".name == $(jq -n --arg n "$name" '$n')" "$FILES/hostile/$name"
done
archived_as hostile '.name == "../escape.mp4"' "$FILES/escape.mp4"
equal "artifacts called same.mp4" "$(jq '[.artifacts[] | select(.name == "same.mp4")] | length' "$WORK/show.json")" 2
equal "locations, all different whatever their case" \
  "$(jq -r '.artifacts[].replicas[].location | ascii_downcase' "$WORK/show.json" | sort -u | wc -l)" "$count"
judge "every location is in the session's folder, one line, at most 200 bytes long" "$WORK/show.json" \
  'all(.artifacts[].replicas[]; (.location | startswith($d)) and (.location[($d | length):] |
     (utf8bytelength <= 200) and (test("[/\\\\\n:*?|<>\"]") | not) and (startswith(".") | not)))' \
  --arg d "$ARCHIVE/room-1/hostile/recording/"
judge "extensions stay" "$WORK/show.json" 'all(.artifacts[]; .name == "manifest-sha256.txt" or
  (.replicas[0].location | test("\\.mp4$"; "i")))'
manifest_of hostile "$count"
paths_of hostile
equal "files beside the hostile session's" "$(find "$ARCHIVE/room-1/hostile" -type f | wc -l)" $((count + 1))
never "a file came out of its folder" test -e "$ARCHIVE/room-1/escape.mp4" -o -e "$ARCHIVE/room-1/hostile/escape.mp4"

# ---- a pair inside of a URL ----
make_mp4 "$FILES/inside/pair.mp4" 5000
offer recording inside "https://intruder:leak-me-not@127.0.0.1:$PORT/inside/pair.mp4"
await "the file whose URL has a pair inside is archived" session_is inside complete
archived_as inside '.name == "pair.mp4"' "$FILES/inside/pair.mp4"
judge "the source has no pair" "$WORK/show.json" '.artifacts[0].source == $u' --arg u "$ORIGIN/inside/pair.mp4"
run deliveries --limit 1 --json
run deliveries --raw "$(jq '.[0].seq' "$OUT")"
never "the raw body is printed unmasked" grep -q leak-me-not "$OUT"
check "the rest of the body is printed" grep -q 'inside/pair.mp4' "$OUT"
run sessions
run show inside
run deliveries

# ---- what waits ----
: >"$FILES/every/empty.mp4"
offer recording waits "$ORIGIN/every/empty.mp4"
await "the empty recording is refused and waits" holds waits \
  '.artifacts[0] | .state == "waiting" and .error.code == "corrupt" and .next_attempt_at != null'
equal "session state" "$(jq -r .state "$WORK/show.json")" waiting
equal "replicas of an empty recording" "$(jq '.artifacts[0].replicas | length' "$WORK/show.json")" 0
make_mp4 "$FILES/every/empty.mp4" 9000
await "it is archived as soon as it is one" session_is waits complete

# ---- a push ----
event '{type: "file_transfer", trans_date: $now, app_id: "app-1", room_id: "room-1", conf_num: "every",
        destination: {name: "awss3", host: "", account: "my-bucket"},
        files: [{url: "https://my-bucket.s3.amazonaws.com/room-1/every/file1.mov"},
                {url: "https://my-bucket.s3.amazonaws.com/room-1/every/only%20there.mov"}]}'
await "the push is known" holds every '.artifacts | length == 9'
judge "a pushed file is another replica of the artifact of its name" "$WORK/show.json" \
  'any(.artifacts[]; .name == "file1.mov" and .state == "archived" and (.replicas | length) == 2 and
    any(.replicas[]; .state == "delivered" and .location == "s3://my-bucket/room-1/every/file1.mov"))'
judge "one of no artifact's name is known as delivered" "$WORK/show.json" \
  'any(.artifacts[]; .kind == "delivered" and .state == "delivered" and .name == "only there.mov" and
    .replicas[0].location == "s3://my-bucket/room-1/every/only there.mov")'
equal "the session stays complete" "$(jq -r .state "$WORK/show.json")" complete

# ---- credentials: with each request at once, and nowhere else ----
never "a request came without the project's pair" grep -vE "^GET\|[0-9]+\|$FILE_USER\|" "$NGINX_LOG"
never "a request was refused" grep -E '^GET\|(401|403)\|' "$NGINX_LOG"
http "$ADMIN/metrics" >/dev/null
cp "$WORK/answer" "$WORK/metrics"
stop_agent
equal "exit status of the agent" "$AGENT_STATUS" 0
for secret in leak-me-not intruder "$FILE_PASSWORD" "$HOOK_PASSWORD" "$(printf '%s' "$FILE_USER:$FILE_PASSWORD" | base64)"; do
  if found=$(grep -rlaF -- "$secret" "$SEEN" "$AGENT_LOG" "$WORK/metrics" "$ARCHIVE" "$STATE"/catalog.db*); then
    die "'$secret' leaked into $found"
  fi
done
never "something alarming was logged" logged '^[^ ]+ error '
check "the journal alone has the raw body" grep -qaF leak-me-not "$STATE/journal.db"
equal "mode of the journal" "$(stat -c %a "$STATE/journal.db")" 600
equal "mode of the state directory" "$(stat -c %a "$STATE")" 700
