#!/usr/bin/env bash
# Upload of one large file by the agent and by `rclone copy`, to the same gateway in the same run:
# seconds at the same priority, the ratio, and the agent's largest resident memory. Needs ceph, rclone, nginx, jq, sqlite3.
#   REELKEEP=build/release/reelkeep bench/s3_upload.sh [MIB] [ROUNDS]
here=$(cd "$(dirname "$0")" && pwd)
if [[ -z ${S3_ENDPOINT:-} ]]; then
  exec "$here/../tests/support/with_rgw.sh" "$0" "$@"
fi
HANG=600
# shellcheck source=tests/e2e/lib.sh
source "$here/../tests/e2e/lib.sh"
mib=${1:-256}
rounds=${2:-3}
command -v rclone >/dev/null || die "rclone is missing (Debian: rclone)"

unset AWS_CA_BUNDLE
export RCLONE_CONFIG=/dev/null RCLONE_CONFIG_RGW_TYPE=s3 RCLONE_CONFIG_RGW_PROVIDER=Ceph
export RCLONE_CONFIG_RGW_ACCESS_KEY_ID=$S3_ACCESS_KEY_ID RCLONE_CONFIG_RGW_REGION=$S3_REGION
export RCLONE_CONFIG_RGW_SECRET_ACCESS_KEY=$S3_SECRET_ACCESS_KEY RCLONE_CONFIG_RGW_ENDPOINT=$S3_ENDPOINT
rclone mkdir rgw:bench

start_nginx
configure
printf '%s\n' "$S3_SECRET_ACCESS_KEY" >"$WORK/secrets/s3"
chmod 0600 "$WORK/secrets/s3"
cat >>"$CONFIG" <<TOML
stores = ["cloud"]
[[store]]
id = "cloud"
type = "s3"
endpoint = "$S3_ENDPOINT"
region = "$S3_REGION"
bucket = "bench"
prefix = "agent"
access_key_id = "$S3_ACCESS_KEY_ID"
secret_access_key_file = "secrets/s3"
TOML
make_mp4 "$FILES/big.mp4" $((mib * 1024 * 1024))
start_agent
behind=$(ps -L -o ni= -p "$AGENT" | sort -n | tail -1 | tr -d ' ')
now() { date +%s.%N; }
state_of() { sqlite3 "$STATE/catalog.db" "select state from artifact where conf_num = '$1'"; }
until_state() { # CONF STATE: precise to the look
  local limit=$((SECONDS + HANG))
  until [[ $(state_of "$1") == "$2" || $(state_of "$1") == archived ]]; do
    ((SECONDS < limit)) || die "$1 does not become $2"
  done
}
seconds() { python3 -c 'import sys; print("%.2f" % (float(sys.argv[2]) - float(sys.argv[1])))' "$1" "$2"; }
ours=() theirs=()
for ((round = 1; round <= rounds; ++round)); do
  offer recording "c$round" "$ORIGIN/big.mp4"
  until_state "c$round" verifying
  begin=$(now)
  until_state "c$round" archived
  ours+=("$(seconds "$begin" "$(now)")")
  begin=$(now)
  # As far behind others as the agent puts what is not the intake.
  nice -n "$behind" rclone copyto "$FILES/big.mp4" "rgw:bench/rclone/$round.mp4"
  theirs+=("$(seconds "$begin" "$(now)")")
  rclone deletefile "rgw:bench/rclone/$round.mp4"
done
memory=$(awk '/VmHWM/ {print int($2 / 1024)}' "/proc/$AGENT/status")
python3 - "$mib" "$memory" "${ours[*]}" "${theirs[*]}" <<'PYTHON'
import statistics, sys
mib, memory = int(sys.argv[1]), int(sys.argv[2])
ours, theirs = (sorted(map(float, words.split())) for words in sys.argv[3:5])
mine, peer = statistics.median(ours), statistics.median(theirs)
print(f"{mib} MiB, {len(ours)} rounds: reelkeep {mine:.2f} s {ours}, rclone copy {peer:.2f} s {theirs}")
print(f"speed against rclone: {peer / mine:.2f}; largest resident memory of the agent: {memory} MiB")
PYTHON
stop_agent
