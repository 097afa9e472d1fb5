#!/usr/bin/env bash
# What the provider pushes to the customer's own servers: vsftpd and OpenSSH, which nobody here
# wrote. A file that is only there is fetched, another is adopted, a third moves into our layout; what
# is missing or cut off is told; a server with another host key is not spoken to.
here=$(dirname "$0")
if [[ -z ${FTP_EXPLICIT:-} ]]; then
  exec "$here/../support/with_vsftpd.sh" "$here/../support/with_sshd.sh" "$0" "$@"
fi
source "$here/lib.sh"
start_nginx
configure
printf '%s\n' "$FTP_PASSWORD" >"$WORK/secrets/ftp"
printf '%s\n' "$FTP_PASSWORD" >"$WORK/secrets/ftp-rescue"
chmod 0600 "$WORK"/secrets/ftp*
mkdir "$SSH_ROOT/tidy" "$SSH_ROOT/mine"
port=${SSH_HOST##*:}

# Three of OpenSSH's names for this machine are three servers to the configuration.
cat >>"$CONFIG" <<TOML
[[project]]
app_id = "adopting"
hosts = ["127.0.0.1"]
stores = ["customer"]
[[store]]
id = "local"
[[destination]]
id = "looked-at"
name = "ftp"
host = "$FTP_EXPLICIT"
action = "verify"
username = "$FTP_USER"
password_file = "secrets/ftp"
ca_file = "$FTP_CA"
[[destination]]
id = "rescue"
name = "ftp"
host = "$FTP_PLAIN"
action = "fetch"
username = "$FTP_USER"
password_file = "secrets/ftp-rescue"
tls = "none"
[[destination]]
id = "tidied"
name = "sftp"
host = "localhost:$port"
root = "$SSH_ROOT/tidy"
prefix = "archive"
action = "organise"
username = "$SSH_USER"
private_key_file = "$SSH_KEY"
host_key = [$(sed 's/.*/"&",/' <<<"$SSH_KNOWN_HOST" | tr -d '\n')]
[[destination]]
id = "customer"
name = "ssh"
host = "127.0.0.1:$port"
root = "$SSH_ROOT/mine"
action = "adopt"
username = "$SSH_USER"
private_key_file = "$SSH_KEY"
host_key = "$(tail -n 1 <<<"$SSH_KNOWN_HOST")"
TOML
start_agent

# pushed APP CONF NAME HOST URL...: the event that these files were pushed.
pushed() {
  local app=$1 conf=$2 name=$3 host=$4
  shift 4
  event '{type: "file_transfer", trans_date: $now, app_id: $a, room_id: "room-1", conf_num: $c,
          destination: {name: $n, host: $h, account: ""}, files: [$ARGS.positional[] | {url: .}]}' \
    --arg a "$app" --arg c "$conf" --arg n "$name" --arg h "$host" --args "$@"
}

# ---- looked at: there, cut off, missing ----
make_mp4 "$FILES/whole.mp4" 60000 whole
make_mp4 "$FILES/cut.mp4" 60000 cut
mkdir -p "$FTP_ROOT/room-1/looked"
cp "$FILES/whole.mp4" "$FTP_ROOT/room-1/looked/"
head -c 5000 "$FILES/cut.mp4" >"$FTP_ROOT/room-1/looked/cut.mp4"
offer recording looked "$ORIGIN/whole.mp4" "$ORIGIN/cut.mp4"
pushed app-1 looked ftp "${FTP_EXPLICIT}" "ftp://$FTP_EXPLICIT/room-1/looked/"{whole,cut,gone}.mp4
replica='.artifacts[] | select(.name == $n) | .replicas[] | select(.store == "looked-at") | .state'
await "the whole copy is verified" holds looked "[$replica] == [\"verified\"]" --arg n whole.mp4
await "the cut copy is corrupt" holds looked "[$replica] == [\"corrupt\"]" --arg n cut.mp4
await "what is not there is missing" holds looked "[$replica] == [\"missing\"]" --arg n gone.mp4
await "the session is complete all the same" session_is looked complete

# ---- a wrong password is told, and mended on reload ----
printf 'wrong\n' >"$WORK/secrets/ftp-rescue"
kill -HUP "$AGENT"
await "the reload" logged 'configuration was reloaded'
mkdir -p "$FTP_ROOT/room 1/c#1"
make_mp4 "$FTP_ROOT/room 1/c#1/only 100% there?.mp4" 300000 only
pushed app-1 only ftp "$FTP_PLAIN" "ftp://$FTP_PLAIN/room%201/c%231/$(encoded 'only 100% there?.mp4')"
await "the refused login is told" logged 'rescue.*refuses the login.*correct username and password'
never "it was fetched" session_is only complete
printf '%s\n' "$FTP_PASSWORD" >"$WORK/secrets/ftp-rescue"
kill -HUP "$AGENT"
await "what was only pushed is archived" holds only '.artifacts[0].state == "archived"'
cmp "$(jq -r '.artifacts[0].replicas[] | select(.store == "local") | .location' "$WORK/show.json")" \
  "$FTP_ROOT/room 1/c#1/only 100% there?.mp4" || die "other bytes were archived"

# ---- adopted: not downloaded at all ----
make_mp4 "$SSH_ROOT/mine/a b.mp4" 70000 adopted
before=$(requests)
pushed adopting adopted ssh 127.0.0.1 "sftp://127.0.0.1:$port/a%20b.mp4"
await "the pushed file counts as archived" holds adopted '.artifacts[0].state == "archived"'
judge "it is where the provider put it" "$WORK/show.json" \
  '.artifacts[0].replicas == [.artifacts[0].replicas[] | select(.store == "customer" and .state == "verified")]
   and .artifacts[0].sha256 == $d' --arg d "$(digest "$SSH_ROOT/mine/a b.mp4")"
equal "requests to the provider" "$(requests)" "$before"

# ---- organised ----
mkdir -p "$SSH_ROOT/tidy/room-1/moved"
make_mp4 "$SSH_ROOT/tidy/room-1/moved/m.mp4" 80000 moved
wanted=$(digest "$SSH_ROOT/tidy/room-1/moved/m.mp4")
pushed app-1 moved sftp localhost "sftp://localhost:$port/room-1/moved/m.mp4"
await "the record names the new place" holds moved \
  'any(.artifacts[0].replicas[]; .state == "verified" and (.location | endswith("/archive/room-1/moved/delivered/m.mp4")))'
equal "the bytes there" "$(digest "$SSH_ROOT/tidy/archive/room-1/moved/delivered/m.mp4")" "$wanted"
never "it is still at the old place" test -e "$SSH_ROOT/tidy/room-1/moved/m.mp4"

# ---- killed between a move and its record: the size alone is no proof ----
tidied_is() { # ACTION: what is done with the files of that destination from now on
  sed -i "/^id = \"tidied\"/,/^action/ s/^action = .*/action = \"$1\"/" "$CONFIG"
  start_agent
}
stop_agent
tidied_is verify
mkdir -p "$SSH_ROOT/tidy/room-1/half"
for name in known other unknown; do make_mp4 "$SSH_ROOT/tidy/room-1/half/$name.mp4" 60000 "$name"; done
cp "$SSH_ROOT/tidy/room-1/half/"{known,other}.mp4 "$FILES"
offer recording half "$ORIGIN/known.mp4" "$ORIGIN/other.mp4"
pushed app-1 half sftp localhost "sftp://localhost:$port/room-1/half/"{known,other,unknown}.mp4
await "all are there" holds half \
  '[.artifacts[].replicas[] | select(.store == "tidied" and .state == "verified")] | length == 3'
await "what is offered is archived" holds half '[.artifacts[] | select(.state == "archived")] | length == 2'
stop_agent
mkdir -p "$SSH_ROOT/tidy/archive/room-1/half/"{recording,delivered}
(cd "$SSH_ROOT/tidy" && mv room-1/half/{known,other}.mp4 archive/room-1/half/recording &&
  mv room-1/half/unknown.mp4 archive/room-1/half/delivered)
printf 'x' | dd of="$SSH_ROOT/tidy/archive/room-1/half/recording/other.mp4" bs=1 seek=50000 conv=notrunc status=none
tidied_is organise
there='.artifacts[] | select(.name == $n) | .replicas[] | select(.store == "tidied")'
await "the bytes that are known are read and believed" holds half \
  "[$there | .state == \"verified\" and .read_at != null and (.location | contains(\"/archive/\"))] == [true]" --arg n known.mp4
await "other bytes are not what was moved" holds half \
  "[$there | .state] == [\"missing\"]" --arg n other.mp4
await "the log says why" logged 'half/other.mp4.*state=missing.*exists already, with other bytes'
await "what nobody knows is not verified" holds half \
  "[$there | .state == \"delivered\" and (.cause | contains(\"nobody knows the SHA-256\"))] == [true]" --arg n unknown.mp4

# ---- the journal alone knows all of it ----
stop_agent
rm "$STATE"/catalog.db*
start_agent
await "adopted" holds adopted '.artifacts[0].state == "archived"'
await "organised" holds moved 'any(.artifacts[0].replicas[]; .location | contains("/archive/"))'
await "fetched" holds only '.artifacts[0].state == "archived"'

# ---- another host key: nothing is said to that server ----
stop_agent
sed -i "s|^host_key = \"127.*|host_key = \"$(head -n 1 <<<"$SSH_OTHER_HOST")\"|; s|^host_key = \"\\[127.*|host_key = \"$(head -n 1 <<<"$SSH_OTHER_HOST")\"|" "$CONFIG"
start_agent
make_mp4 "$SSH_ROOT/mine/other.mp4" 70000 other
pushed adopting other ssh 127.0.0.1 "sftp://127.0.0.1:$port/other.mp4"
await "the other key is told" logged 'customer.*shows the host key SHA256:.*host_key'
never "it was adopted" holds other '.artifacts[0].state == "archived"'

# ---- nothing secret was told ----
stop_agent
never "the password was printed" grep -rlaF "$FTP_PASSWORD" "$SEEN" "$AGENT_LOG" "$WORK/earlier.log" "$STATE"/catalog.db
