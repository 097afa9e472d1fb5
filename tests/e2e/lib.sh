# shellcheck shell=bash disable=SC2034
# What the end-to-end scripts share: the real program against nginx and curl. Expects REELKEEP, the
# program; each script sources this file first. Nothing here waits for a time: a condition is looked
# at again and again, and one that does not come true within HANG seconds is a failure.
set -euo pipefail
SANITIZERS=${SANITIZERS:-}
REELKEEP=$(realpath "${REELKEEP:?the program under test}")
SOURCE=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
# Longer than anything takes with sanitizers on a busy machine, half of what ctest gives a test.
HANG=${HANG:-300}

# What the caller's environment says about certificates and proxies is no part of a test.
unset CURL_CA_BUNDLE SSL_CERT_FILE SSL_CERT_DIR CURL_HOME NOTIFY_SOCKET WATCHDOG_USEC
unset REELKEEP_CONFIG STATE_DIRECTORY CREDENTIALS_DIRECTORY
unset http_proxy https_proxy all_proxy no_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY NO_PROXY
export LC_ALL=C.UTF-8
PATH=$PATH:/usr/sbin:/sbin
for tool in nginx curl jq openssl sqlite3 python3 setpriv; do
  command -v "$tool" >/dev/null || {
    echo "$tool is missing: scripts/test installs what the tests need" >&2
    exit 1
  }
done

WORK=$(mktemp -d "${TMPDIR:-/tmp}/reelkeep-e2e.XXXXXX")
STATE=$WORK/state
ARCHIVE=$STATE/archive
OUT=$WORK/out       # standard output of the last command
ERR=$WORK/err       # standard error of the last command
SEEN=$WORK/seen     # all that the program ever printed
FILES=$WORK/www     # what nginx serves
NGINX_LOG=$WORK/nginx/access.log
CONFIG=$WORK/config.toml
AGENT_LOG=$WORK/agent.log
FILE_USER=files@example.com
FILE_PASSWORD='s3cret-of-the-files'
HOOK_USER=enablex
HOOK_PASSWORD='secret:of the hook'
children=()
AGENT=
NGINX=
mkdir -p "$FILES" "$WORK/nginx"
: >"$SEEN"
: >"$AGENT_LOG"
exec {pause_fd}<> <(:)

# ---- failing, waiting ----

# Told on the script's own standard error, also from within a redirection.
exec {told}>&2
note() { printf '%s\n' "$*" 1>&"$told"; }
die() {
  note "FAILED (lines ${BASH_LINENO[*]}): $*"
  exit 1
}
finish() {
  local status=$?
  trap - EXIT
  set +e
  if ((status != 0)); then
    note "--- failed with status $status${failed_line:+ at line $failed_line}; standard error of the last command:"
    tail -n 20 "$ERR" 1>&"$told" 2>/dev/null
    note "--- the agent's log:"
    tail -n 60 "$AGENT_LOG" 1>&"$told"
    note "--- nginx:"
    tail -n 15 "$WORK/nginx/access.log" "$WORK/nginx/error.log" 1>&"$told" 2>/dev/null
  fi
  exec 2>/dev/null # bash tells of each child that is killed
  local child
  for child in "${children[@]}"; do kill -KILL "$child" 2>/dev/null; done
  [[ -z $NGINX ]] || kill -TERM "$NGINX" 2>/dev/null
  wait 2>/dev/null
  if [[ -n ${KEEP:-} ]]; then note "kept: $WORK"; else rm -rf "$WORK"; fi
  exit "$status"
}
trap finish EXIT
trap 'failed_line=$LINENO' ERR
trap 'exit 130' INT TERM
set -E

# A short rest between two looks, without a process.
rest() { read -r -t 0.05 -u "$pause_fd" || true; }
# await WHAT COMMAND...: until the command succeeds; a hang is a failure.
await() {
  local what=$1 limit=$((SECONDS + HANG))
  shift
  until "$@" >/dev/null 2>&1; do
    ((SECONDS < limit)) || die "not within $HANG s: $what ($*)"
    rest
  done
}
# check WHAT COMMAND...: the command succeeds.
check() {
  local what=$1
  shift
  "$@" || die "$what ($*)"
}
# never WHAT COMMAND...: the command does not succeed.
never() {
  local what=$1
  shift
  if "$@"; then die "$what ($*)"; fi
}
equal() { # WHAT GOT EXPECTED
  [[ $2 == "$3" ]] || die "$1: got '$2', expected '$3'"
}
# judge WHAT FILE FILTER [JQ-ARGUMENT...]: the filter is true of the JSON document in the file.
judge() {
  local what=$1 file=$2 filter=$3
  shift 3
  jq -e "$@" "$filter" "$file" >/dev/null || {
    jq . "$file" 1>&"$told" || cat "$file" >&"$told"
    die "$what: not true: $filter $*"
  }
}
ended() { ! kill -0 "$1" 2>/dev/null; }

# ---- the program ----

# rk ARGUMENT...: the program on this test's configuration; its output in $OUT and $ERR.
rk() {
  local status=0
  "$REELKEEP" --config "$CONFIG" "$@" >"$OUT" 2>"$ERR" || status=$?
  cat "$OUT" "$ERR" >>"$SEEN"
  return "$status"
}
# run ARGUMENT...: the same, and a failure ends the test.
run() { rk "$@" || die "reelkeep $*: status $?: $(cat "$ERR")"; }
# refused STATUS PATTERN ARGUMENT...: ends with that status and one line on standard error that
# matches the pattern (bash's extended regular expression).
refused() {
  local expected=$1 pattern=$2 status=0
  shift 2
  rk "$@" || status=$?
  equal "exit status of reelkeep $* ($(head -n 3 "$ERR"))" "$status" "$expected"
  equal "lines on standard error of reelkeep $* ($(cat "$ERR"))" "$(wc -l <"$ERR")" 1
  [[ $(cat "$ERR") =~ $pattern ]] || die "reelkeep $*: '$(cat "$ERR")' does not match $pattern"
}

# configure [LINES-FOR-DOWNLOAD]: writes the configuration. Further tables can be appended to $CONFIG.
configure() {
  mkdir -p "$WORK/secrets"
  printf '%s\n' "$FILE_PASSWORD" >"$WORK/secrets/files"
  printf '%s\n' "$HOOK_PASSWORD" >"$WORK/secrets/hook"
  chmod 0600 "$WORK"/secrets/*
  cat >"$CONFIG" <<TOML
[agent]
state_dir = "state"
log_level = "debug"
intake_reserve = "1MiB"
[webhook]
listen = "127.0.0.1:0"
username = "$HOOK_USER"
password_file = "secrets/hook"
[admin]
listen = "127.0.0.1:0"
[download]
ca_file = "ca.pem"
allow_private_addresses = true
minimum_free_space = "16MiB"
retry_min = "200ms"
retry_max = "1s"
stall_timeout = "20s"
connect_timeout = "60s"
${1:-}
[[project]]
username = "$FILE_USER"
password_file = "secrets/files"
hosts = ["127.0.0.1"]
TOML
  [[ -f $WORK/ca.pem ]] || make_authority
}

announced() { grep -q 'reelkeep is ready' "$AGENT_LOG"; }
# What the ready line says: address webhook|admin.
address() { sed -n "s/.* reelkeep is ready .*\\b$1=\\([^ ]*\\).*/\\1/p" "$AGENT_LOG" | tail -n 1; }
# start_agent: AGENT is its process; AGENT_LOG what it says, from this start on; HOOK and ADMIN its
# addresses. Earlier logs stay beside it.
start_agent() {
  if [[ -s $AGENT_LOG ]]; then cat "$AGENT_LOG" >>"$WORK/earlier.log"; fi
  : >"$AGENT_LOG"
  "${agent_prefix[@]}" "$REELKEEP" --config "$CONFIG" serve >>"$AGENT_LOG" 2>&1 {pause_fd}>&- &
  AGENT=$!
  children+=("$AGENT")
  local limit=$((SECONDS + HANG))
  until announced; do
    ended "$AGENT" && die "the agent ended at once"
    ((SECONDS < limit)) || die "the agent does not get ready"
    rest
  done
  HOOK=$(address webhook)
  ADMIN=$(address admin)
}
agent_prefix=()
# stop_agent [SIGNAL]: waits for its end; the exit status is in AGENT_STATUS.
stop_agent() {
  kill -"${1:-TERM}" "$AGENT"
  await "the agent's end" ended "$AGENT"
  AGENT_STATUS=0
  wait "$AGENT" 2>/dev/null || AGENT_STATUS=$?
  AGENT=
}
logged() { grep -qE -- "$1" "$AGENT_LOG"; }

# ---- the webhook ----

# http CURL-ARGUMENT...: prints the status; the answer is in $WORK/answer, its head in $WORK/head.
http() {
  curl --silent --show-error --noproxy '*' --max-time "$HANG" -o "$WORK/answer" -D "$WORK/head" \
    -w '%{http_code}' "$@"
}
# post BODY-FILE [CURL-ARGUMENT...]: delivers it; anything but 200 ends the test.
post() {
  local file=$1
  shift
  equal "answer to $file" "$(http -u "$HOOK_USER:$HOOK_PASSWORD" -H 'Content-Type: application/json' \
    --data-binary "@$file" "$@" "$HOOK")" 200
}
# event JSON-FILTER [JQ-ARGUMENT...]: posts the document that jq -n makes of it.
event() {
  local filter=$1
  shift
  jq -n "$filter" --argjson now "$(date +%s)" "$@" >"$WORK/event.json"
  post "$WORK/event.json"
}
# offer KIND CONF_NUM URL...: the event that offers these files (recording: an array of them; else
# one event for each).
offer() {
  local kind=$1 conf=$2 url
  shift 2
  if [[ $kind == recording ]]; then
    event '{type: "recording", trans_date: $now, app_id: "app-1", room_id: "room-1", conf_num: $c,
            recording: $ARGS.positional}' --arg c "$conf" --args "$@"
    return
  fi
  for url in "$@"; do
    event '{type: $k, trans_date: $now, app_id: "app-1", room_id: "room-1", conf_num: $c}
           + (if $k == "transcoded" then {recording: $u, stage: "final"} else {url: $u} end)' \
      --arg k "$kind" --arg c "$conf" --arg u "$url"
  done
}
# show CONF_NUM: `show --json` in $WORK/show.json.
show() {
  run show "$1" --json
  cp "$OUT" "$WORK/show.json"
}
# session_is CONF_NUM STATE
session_is() {
  rk show "$1" --json && cp "$OUT" "$WORK/show.json" &&
    [[ $(jq -r .state "$WORK/show.json") == "$2" ]]
}
# holds CONF_NUM FILTER [JQ-ARGUMENT...]: `show --json` knows the session, and the filter is true of it.
holds() {
  local conf=$1
  shift
  rk show "$conf" --json && cp "$OUT" "$WORK/show.json" && jq -e "$@" "$WORK/show.json" >/dev/null
}
# All deliveries have been looked at.
all_applied() { rk deliveries --json && jq -e 'all(.[]; .state != "pending")' "$OUT" >/dev/null; }

# ---- nginx: TLS by an authority of our own, Basic auth ----

make_authority() {
  local key=(-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2)
  (
    cd "$WORK/nginx"
    openssl req -x509 "${key[@]}" -keyout ca.key -out "$WORK/ca.pem" -subj /CN=e2e-authority
    openssl req "${key[@]}" -keyout server.key -out server.csr -subj /CN=127.0.0.1
    openssl x509 -req -in server.csr -CA "$WORK/ca.pem" -CAkey ca.key -CAcreateserial -days 2 \
      -out server.pem -extfile <(echo subjectAltName=IP:127.0.0.1,DNS:localhost)
  ) >"$WORK/nginx/openssl.log" 2>&1 || die "openssl: $(cat "$WORK/nginx/openssl.log")"
}
answers() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# start_nginx: on a free port, PORT; a second start keeps the port. Requests are limited to the rate
# in the file $WORK/slow-download while a file of that name exists. ORIGIN is what URLs begin with.
start_nginx() {
  local dir=$WORK/nginx user=''
  [[ -f $WORK/ca.pem ]] || make_authority
  ((EUID != 0)) || user='user root;'
  printf '%s:%s\n' "$FILE_USER" "$(openssl passwd -apr1 "$FILE_PASSWORD")" >"$dir/users"
  for _ in {1..8}; do
    PORT=${kept_port:-$((20000 + RANDOM % 12000))}
    if [[ -z ${kept_port:-} ]] && answers "$PORT"; then continue; fi
    cat >"$dir/nginx.conf" <<NGINX
$user
worker_processes 1;
daemon off;
pid $dir/nginx.pid;
events { worker_connections 512; }
http {
  types { video/mp4 mp4; video/quicktime mov; application/json json; text/plain txt; }
  default_type application/octet-stream;
  client_body_temp_path $dir/body;
  proxy_temp_path $dir/proxy;
  fastcgi_temp_path $dir/fastcgi;
  uwsgi_temp_path $dir/uwsgi;
  scgi_temp_path $dir/scgi;
  log_format e2e '\$request_method|\$status|\$remote_user|\$http_range|\$body_bytes_sent|\$uri';
  access_log $dir/access.log e2e;
  keepalive_timeout 65;
  server {
    listen 127.0.0.1:$PORT ssl;
    ssl_certificate $dir/server.pem;
    ssl_certificate_key $dir/server.key;
    auth_basic "recordings";
    auth_basic_user_file $dir/users;
    root $FILES;
    location / {
      if (-f $WORK/slow-download) { set \$limit_rate ${NGINX_RATE:-20m}; }
    }
  }
}
NGINX
    nginx -p "$dir" -c "$dir/nginx.conf" -e "$dir/error.log" >>"$dir/start.log" 2>&1 {pause_fd}>&- &
    NGINX=$!
    local limit=$((SECONDS + HANG))
    until answers "$PORT"; do
      ended "$NGINX" && break
      ((SECONDS < limit)) || die "nginx does not answer"
      rest
    done
    if ! ended "$NGINX"; then
      kept_port=$PORT
      ORIGIN=https://127.0.0.1:$PORT
      return 0
    fi
  done
  die "nginx does not start: $(tail -n 5 "$dir/start.log" "$dir/error.log")"
}
stop_nginx() {
  kill -TERM "$NGINX"
  await "nginx's end" ended "$NGINX"
  NGINX=
}
requests() { if [[ -f $NGINX_LOG ]]; then wc -l <"$NGINX_LOG"; else echo 0; fi; }

# ---- files ----

big_endian() { # NUMBER: four bytes, as an argument of printf '%b'
  printf '\\x%02x\\x%02x\\x%02x\\x%02x' $(($1 >> 24 & 255)) $(($1 >> 16 & 255)) $(($1 >> 8 & 255)) $(($1 & 255))
}
# make_mp4 FILE SIZE [TEXT]: boxes that end where the file does; the text makes it its own. What
# follows the text is a hole: a GiB of it takes no space here.
make_mp4() {
  mkdir -p "$(dirname "$1")"
  {
    printf '%b' "$(big_endian 24)ftypisom\\x00\\x00\\x02\\x00isommp42$(big_endian $(($2 - 24)))mdat"
    printf '%s' "${3:-$1}"
  } >"$1"
  truncate -s "$2" "$1"
}
digest() { sha256sum <"$1" | cut -d' ' -f1; }
# encoded NAME: as a path segment of a URL.
encoded() { jq -rn --arg n "$1" '$n | @uri'; }
