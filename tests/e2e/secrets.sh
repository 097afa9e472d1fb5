#!/usr/bin/env bash
# No secret of the configuration, of an event, or of a lying server's answer is seen anywhere but in
# the raw bodies of the journal: not in logs, outputs, metrics, command lines, the catalog or names.
# The catalog holds one thing more: the signed URLs of events, which are what files are fetched by.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/leaks.sh
source "$(dirname "$0")/leaks.sh"
HOOK_PASSWORD=leakHookPassword
FILE_PASSWORD=leakFilePassword
start_nginx
configure

# A provider that redirects with tokens and quotes the Authorization it was sent, on TLS; its API
# and an S3 server that quote theirs, on a plain port.
cat >"$WORK/liar.py" <<'PY'
import http.server, ssl, sys, threading
class Liar(http.server.BaseHTTPRequestHandler):
    def answer(self):
        if self.path.startswith("/redirect"):
            self.send_response(302)
            self.send_header("Location", "https://127.0.0.2:1/x?X-Amz-Signature=leakRedirectToken&token=leakRedirectToken")
            body = b""
        else:
            self.send_response(403 if self.path.startswith("/refused") else 500)
            body = ("Authorization: %s leakServerBody" % self.headers.get("Authorization")).encode()
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = answer
    def log_message(self, *_): pass
folder = sys.argv[1]
plain = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Liar)
secure = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Liar)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(folder + "/nginx/server.pem", folder + "/nginx/server.key")
secure.socket = context.wrap_socket(secure.socket, server_side=True)
threading.Thread(target=plain.serve_forever, daemon=True).start()
with open(folder + "/liar.ports", "w") as out: print(plain.server_port, secure.server_port, file=out)
secure.serve_forever()
PY
python3 "$WORK/liar.py" "$WORK" 2>/dev/null {pause_fd}>&- &
children+=("$!")
await "the liar listens" test -s "$WORK/liar.ports"
read -r plain secure <"$WORK/liar.ports"
LIAR=https://127.0.0.1:$secure

sed -i 's/^log_level = .*/log_level = "trace"/' "$CONFIG"
cat >>"$CONFIG" <<TOML
api_url = "http://127.0.0.1:$plain/video/v2"
api_id = "app-1"
api_key = "leakApiKey"
[[project]]
app_id = "cloudy"
username = "$FILE_USER"
password_file = "secrets/files"
hosts = ["127.0.0.1"]
stores = ["local", "cloud"]
[[store]]
id = "local"
[[store]]
id = "cloud"
type = "s3"
endpoint = "http://127.0.0.1:$plain"
region = "us-east-1"
bucket = "films"
path_style = true
access_key_id = "AKIDEXAMPLE"
secret_access_key = "leakSecretAccessKey"
[[destination]]
id = "pushed"
name = "ftp"
host = "127.0.0.1:1"
action = "verify"
username = "files"
password = "leakDestinationPassword"
tls = "none"
TOML
chmod 0600 "$CONFIG"
make_mp4 "$FILES/good.mp4" 20000
make_mp4 "$FILES/later.mp4" 20000 later
start_agent

# ---- successes and failures ----
signed='X-Amz-Signature=leakSignature&token=leakQueryToken'
# The user info of a URL is a secret whether or not the URL may be fetched.
offer recording c1 "$ORIGIN/good.mp4?$signed" "https://someone:leakUserInfo@127.0.0.1:$PORT/good.mp4" \
  "$LIAR/redirect.mp4?$signed" "$LIAR/error.mp4?$signed" "$LIAR/refused.mp4?$signed"
event '{type: "recording", trans_date: $now, app_id: "cloudy", room_id: "room-1", conf_num: "c2", recording: [$u]}' \
  --arg u "$ORIGIN/good.mp4?$signed"
event '{type: "file_transfer", trans_date: $now, app_id: "app-1", room_id: "room-1", conf_num: "c3",
  destination: {name: "ftp", host: "127.0.0.1:1", account: ""}, files: [{url: "ftp://x:leakUserInfo@127.0.0.1:1/room-1/p.mp4"}]}'
equal "a wrong password" "$(http -u "$HOOK_USER:leakWrongGuess" --data x "$HOOK")" 401
equal "garbage" "$(http -u "$HOOK_USER:$HOOK_PASSWORD" --data '{"password":"leakQueryToken",' "$HOOK")" 200
await "the good file is archived" holds c1 'any(.artifacts[]; .state == "archived")'
await "the others fail" holds c1 '[.artifacts[] | select(.error != null)] | length >= 3'
cat "$WORK/show.json" >>"$SEEN"

show_everything c1 c2 c3

# ---- the pair is rotated in its file, without a restart ----
FILE_PASSWORD=leakRotatedPassword
printf '%s:%s\n' "$FILE_USER" "$(openssl passwd -apr1 "$FILE_PASSWORD")" >"$WORK/nginx/users"
printf '%s\n' "$FILE_PASSWORD" >"$WORK/secrets/files"
kill -HUP "$AGENT"
offer recording c4 "$ORIGIN/later.mp4?$signed"
await "the new password is used" session_is c4 complete
show_everything c1 c2 c3
stop_agent
equal "exit status" "$AGENT_STATUS" 0

# ---- a proxy that is not there, with a password ----
sed -i 's|^ca_file = "ca.pem"|&\nproxy = "http://someone:leakProxyPassword@127.0.0.1:1"|' "$CONFIG"
start_agent
offer recording c5 "$ORIGIN/later.mp4?$signed"
await "the proxy is missed" holds c5 'any(.artifacts[]; .error != null)'
show_everything c1 c2 c3

# ---- nothing was seen ----
check "the journal has what was delivered" grep -aqF leakUserInfo "$STATE"/journal.db "$STATE"/journal.db-wal
no_leaks leakHookPassword leakFilePassword leakRotatedPassword leakApiKey leakSecretAccessKey \
  leakProxyPassword leakDestinationPassword leakUserInfo leakSignature leakQueryToken leakRedirectToken \
  leakServerBody leakWrongGuess "$(printf %s "$FILE_USER:leakFilePassword" | base64)" \
  "$(printf %s "$FILE_USER:leakRotatedPassword" | base64)" "$(printf %s app-1:leakApiKey | base64)"

# ---- modes ----
equal "mode of the state directory" "$(stat -c %a "$STATE")" 700
for file in "$STATE"/*; do
  if [[ -f $file ]]; then equal "mode of $file" "$(stat -c %a "$file")" 600; fi
done
show c1
while IFS= read -r path; do equal "mode of $path" "$(stat -c %a "$path")" 440; done \
  < <(jq -r '.artifacts[].replicas[] | select(.state == "verified") | .location' "$WORK/show.json")
