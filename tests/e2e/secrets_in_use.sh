#!/usr/bin/env bash
# Secrets that do their work are not seen either: the keys of a bucket, the pair of the archive API,
# a password for FTP, a passphrase for SFTP and a proxy's password let the agent in, at servers that
# nobody here wrote (but the proxy), and nothing that the program shows or keeps has one of them.
here=$(dirname "$0")
if [[ -z ${S3_ENDPOINT:-} ]]; then
  exec "$here/../support/with_rgw.sh" "$here/../support/with_vsftpd.sh" "$here/../support/with_sshd.sh" "$0" "$@"
fi
# shellcheck source=tests/e2e/lib.sh
source "$here/lib.sh"
# shellcheck source=tests/e2e/leaks.sh
source "$here/leaks.sh"
HOOK_PASSWORD=leakHookPassword
FILE_PASSWORD=leakFilePassword
start_nginx
configure

# ---- each server is told the planted secret ----
"$S3_ADMIN" user create --uid leak --display-name leak --access-key AKIDLEAK --secret-key leakBucketSecret >/dev/null
s3cmd --config /dev/null --host "${S3_ENDPOINT#http://}" --host-bucket "${S3_ENDPOINT#http://}" --no-ssl \
  --access_key AKIDLEAK --secret_key leakBucketSecret mb s3://kept >/dev/null
printf 'leakFtpPassword\n' >>"$(dirname "$FTP_ROOT")/passwords"
cp "$SSH_KEY" "$WORK/secrets/ssh"
ssh-keygen -q -p -a 1 -P '' -N leakKeyPassphrase -f "$WORK/secrets/ssh" >/dev/null
printf 'app-1:%s\n' "$(openssl passwd -apr1 leakApiKey)" >>"$WORK/nginx/users"
printf 'leakBucketSecret\n' >"$WORK/secrets/s3"
printf 'leakKeyPassphrase\n' >"$WORK/secrets/passphrase"
chmod 0600 "$WORK"/secrets/*

# A proxy that opens tunnels for one pair, and writes down each that it opened.
cat >"$WORK/proxy.py" <<'PY'
import base64, socket, sys, threading
wanted = b"Basic " + base64.b64encode(sys.argv[1].encode())
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
def carry(source, target):
    try:
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass
def serve(near):
    head = b""
    while b"\r\n\r\n" not in head:
        data = near.recv(65536)
        if not data:
            return
        head += data
    lines = head.split(b"\r\n")
    if lines[0].split()[0] != b"CONNECT" or b"Proxy-Authorization: " + wanted not in lines:
        near.sendall(b"HTTP/1.1 407 No\r\nProxy-Authenticate: Basic realm=p\r\nContent-Length: 0\r\n\r\n")
        return near.close()
    host, port = lines[0].split()[1].decode().rsplit(":", 1)
    far = socket.create_connection((host, int(port)))
    near.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    print("opened", flush=True)
    for pair in (near, far), (far, near):
        threading.Thread(target=carry, args=pair, daemon=True).start()
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
PY
python3 "$WORK/proxy.py" someone:leakProxyPassword >"$WORK/proxy.out" 2>/dev/null {pause_fd}>&- &
children+=("$!")
await "the proxy listens" test -s "$WORK/proxy.out"

sed -i 's/^log_level = .*/log_level = "trace"/' "$CONFIG"
port=${SSH_HOST##*:}
mkdir -p "$SSH_ROOT/mine"
cat >>"$CONFIG" <<TOML
api_url = "$ORIGIN/video/v2"
api_id = "app-1"
api_key = "leakApiKey"
[[project]]
app_id = "cloudy"
username = "$FILE_USER"
password_file = "secrets/files"
hosts = ["127.0.0.1"]
stores = ["cloud"]
[[project]]
app_id = "adopting"
hosts = ["127.0.0.1"]
stores = ["customer"]
[[store]]
id = "local"
[[store]]
id = "cloud"
type = "s3"
endpoint = "$S3_ENDPOINT"
region = "$S3_REGION"
bucket = "kept"
path_style = true
access_key_id = "AKIDLEAK"
secret_access_key_file = "secrets/s3"
[[destination]]
id = "rescue"
name = "ftp"
host = "$FTP_EXPLICIT"
action = "fetch"
username = "$FTP_USER"
password = "leakFtpPassword"
ca_file = "$FTP_CA"
[[destination]]
id = "customer"
name = "sftp"
host = "127.0.0.1:$port"
root = "$SSH_ROOT/mine"
action = "adopt"
username = "$SSH_USER"
private_key_file = "secrets/ssh"
private_key_passphrase_file = "secrets/passphrase"
host_key = "$(tail -n 1 <<<"$SSH_KNOWN_HOST")"
[reconcile]
every = "0s"
TOML
chmod 0600 "$CONFIG"
start_agent

# pushed APP CONF NAME HOST URL
pushed() {
  event '{type: "file_transfer", trans_date: $now, app_id: $a, room_id: "room-1", conf_num: $c,
          destination: {name: $n, host: $h, account: ""}, files: [{url: $u}]}' \
    --arg a "$1" --arg c "$2" --arg n "$3" --arg h "$4" --arg u "$5"
}

# ---- the bucket ----
make_mp4 "$FILES/kept.mp4" 20000 kept
make_mp4 "$FILES/parts.mp4" 18000000 parts
event '{type: "recording", trans_date: $now, app_id: "cloudy", room_id: "room-1", conf_num: "c1", recording: $ARGS.positional}' \
  --args "$ORIGIN/kept.mp4" "$ORIGIN/parts.mp4"
await "files are archived in the bucket" session_is c1 complete
run url c1 --expires 5m
equal "presigned URLs" "$(wc -l <"$OUT")" 2

# ---- FTP: what is only there is fetched ----
mkdir -p "$FTP_ROOT/room-1"
make_mp4 "$FTP_ROOT/room-1/only.mp4" 30000 only
pushed app-1 c2 ftp "$FTP_EXPLICIT" "ftp://$FTP_EXPLICIT/room-1/only.mp4"
await "a file is fetched by FTP" holds c2 '.artifacts[0].state == "archived"'

# ---- SFTP: what is there is adopted ----
make_mp4 "$SSH_ROOT/mine/adopted.mp4" 40000 adopted
pushed adopting c3 sftp 127.0.0.1 "sftp://127.0.0.1:$port/adopted.mp4"
await "a file is adopted by SFTP" holds c3 '.artifacts[0].state == "archived"'

# ---- the archive API knows of a session that nobody told of ----
make_mp4 "$FILES/missed.mp4" 20000 missed
mkdir -p "$FILES/video/v2/archive/conf"
jq -n '{result: "0", archive: [{conf_num: "c4", room_id: "room-1", trans_date: $now, app_id: "app-1",
        recording: [{url: $u}]}]}' --arg u "$ORIGIN/missed.mp4" --argjson now "$(date -d "3 hours ago" +%s)" >"$FILES/video/v2/archive/conf/c4"
run reconcile --conf c4 --json
judge "the API lets us in" "$OUT" 'any(.projects[]; .error == null and (.found | length) == 1)'
await "what it listed is archived" holds c4 'any(.artifacts[]; .kind == "recording" and .state == "archived")'
show_everything c1 c2 c3 c4
stop_agent
equal "exit status" "$AGENT_STATUS" 0

# ---- a proxy ----
sed -i "s|^ca_file = \"ca.pem\"|&\nproxy = \"http://someone:leakProxyPassword@127.0.0.1:$(head -n 1 "$WORK/proxy.out")\"|" "$CONFIG"
start_agent
make_mp4 "$FILES/through.mp4" 20000 through
offer recording c5 "$ORIGIN/through.mp4"
await "a file is fetched through the proxy" holds c5 '.artifacts[0].state == "archived"'
check "the proxy opened a tunnel" grep -q opened "$WORK/proxy.out"
show_everything c1 c2 c3 c4 c5
stop_agent
equal "exit status" "$AGENT_STATUS" 0

# ---- nothing was seen ----
in_base64() { printf %s "$1" | base64 -w 0; }
no_leaks leakHookPassword leakFilePassword leakBucketSecret leakApiKey leakFtpPassword leakKeyPassphrase \
  leakProxyPassword "$(sed -n 3p "$WORK/secrets/ssh")" "$(in_base64 "$FILE_USER:leakFilePassword")" \
  "$(in_base64 app-1:leakApiKey)" "$(in_base64 someone:leakProxyPassword)" \
  "$(in_base64 "$HOOK_USER:leakHookPassword")"
