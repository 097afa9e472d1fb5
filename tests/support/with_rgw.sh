#!/usr/bin/env bash
# with_rgw.sh COMMAND...: runs the command beside a Ceph RADOS Gateway of its own: one monitor, one
# OSD in memory (it never gives memory back: keep test data small) and the gateway, on free ports of
# the loopback, in a temporary folder that goes with it. The command finds
#   S3_ENDPOINT S3_ACCESS_KEY_ID S3_SECRET_ACCESS_KEY S3_REGION  the server
#   S3_ADMIN  a command that runs radosgw-admin on it (users, quotas)
#   S3_PID    the gateway's process, for outages
# Exits with the command's status.
set -euo pipefail

for tool in ceph-mon ceph-osd radosgw radosgw-admin ceph-authtool monmaptool; do
  PATH=$PATH:/usr/sbin command -v "$tool" >/dev/null || {
    echo "with_rgw.sh: no $tool (Debian: ceph-mon ceph-osd radosgw)" >&2
    exit 1
  }
done
PATH=$PATH:/usr/sbin

folder=$(mktemp -d /tmp/reelkeep-rgw-XXXXXX)
pids=()
finish() {
  local status=$?
  ((${#pids[@]} == 0)) || kill -KILL "${pids[@]}" 2>/dev/null || true
  wait 2>/dev/null || true
  rm -rf "$folder"
  exit "$status"
}
trap finish EXIT
trap 'exit 130' INT TERM

free_ports() {
  python3 - "$1" <<'PYTHON'
import socket, sys
held = [socket.socket() for _ in range(int(sys.argv[1]))]
for s in held:
    s.bind(("127.0.0.1", 0))
print(*(s.getsockname()[1] for s in held))
PYTHON
}
read -r mon_port rgw_port < <(free_ports 2)
fsid=00000000-0000-4000-8000-000000000001

cat >"$folder/ceph.conf" <<CONF
[global]
fsid = $fsid
run dir = $folder
admin socket = $folder/\$name.asok
pid file =
log file = $folder/\$name.log
log to stderr = false
mon host = v2:127.0.0.1:$mon_port
mon initial members = a
auth cluster required = none
auth service required = none
auth client required = none
# Or radosgw never connects.
ms mon client mode = crc
ms mon service mode = crc
ms mon cluster mode = crc
public addr = 127.0.0.1
cluster addr = 127.0.0.1
ms bind ipv6 = false
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 1
osd pool default pgp num = 1
osd pool default pg autoscale mode = off
mon allow pool size one = true
mon allow pool delete = true
mon warn on pool no redundancy = false
mon data avail crit = 1
mon data avail warn = 2
mon max pg per osd = 1000
osd crush chooseleaf type = 0
# 0: the one OSD of this machine is enough
osd objectstore = memstore
osd class load list = *
osd class default list = *
memstore device bytes = 4294967296
[mon.a]
mon data = $folder/mon
[osd.0]
osd data = $folder/osd
[client.rgw]
rgw frontends = beast endpoint=127.0.0.1:$rgw_port
rgw data = $folder/rgw
rgw enable usage log = false
rgw run sync thread = false
rgw enable quota threads = true
rgw bucket quota ttl = 0
rgw dns name =
CONF
export CEPH_CONF=$folder/ceph.conf
unset http_proxy https_proxy HTTP_PROXY HTTPS_PROXY
mkdir "$folder/osd" "$folder/rgw"

up() { # NAME COMMAND...: in the background
  local name=$1
  shift
  "$@" >"$folder/$name.out" 2>&1 &
  pids+=($!)
}
alive() {
  local pid
  for pid in "${pids[@]}"; do
    kill -0 "$pid" 2>/dev/null || {
      echo "with_rgw.sh: a daemon of Ceph ended" >&2
      tail -n 20 "$folder"/*.out "$folder"/*.log >&2
      exit 1
    }
  done
}

monmaptool --create --fsid "$fsid" --addv a "[v2:127.0.0.1:$mon_port]" "$folder/monmap" >/dev/null
ceph-mon -i a --mkfs --monmap "$folder/monmap" >"$folder/mkfs.out" 2>&1
up mon ceph-mon -f -i a
ceph-osd -i 0 --mkfs --osd-uuid 00000000-0000-4000-8000-000000000002 >>"$folder/mkfs.out" 2>&1
up osd ceph-osd -f -i 0
S3_ACCESS_KEY_ID=reelkeeptest
S3_SECRET_ACCESS_KEY=secret/with+signs
S3_REGION=default
admin=(radosgw-admin -n client.rgw -c "$folder/ceph.conf")
# Waits for the cluster by itself.
timeout 300 "${admin[@]}" user create --uid test --display-name test \
  --access-key "$S3_ACCESS_KEY_ID" --secret-key "$S3_SECRET_ACCESS_KEY" >"$folder/user.out" 2>&1 || {
  tail -n 20 "$folder"/*.out "$folder"/*.log >&2
  exit 1
}
up rgw radosgw -f -n client.rgw
S3_PID=${pids[-1]}
S3_ENDPOINT=http://127.0.0.1:$rgw_port
until curl -s --noproxy '*' -o /dev/null --max-time 5 "$S3_ENDPOINT/"; do
  alive
  read -rt 0.1 < <(:) || true
done
cat >"$folder/admin" <<ADMIN
#!/bin/sh
exec env CEPH_CONF=$folder/ceph.conf PATH="$PATH" radosgw-admin -n client.rgw -c "$folder/ceph.conf" "\$@"
ADMIN
chmod +x "$folder/admin"
S3_ADMIN=$folder/admin
export S3_ENDPOINT S3_ACCESS_KEY_ID S3_SECRET_ACCESS_KEY S3_REGION S3_ADMIN S3_PID
status=0
"$@" || status=$?
exit "$status"
