#!/usr/bin/env bash
# with_sshd.sh COMMAND...: runs the command beside an OpenSSH server of its own on a free port of
# the loopback, which lets the user of this process in by a key. The command finds
#   SSH_HOST          host:port
#   SSH_USER SSH_KEY  who may come in, and the private key
#   SSH_OTHER_KEY     a key that opens nothing
#   SSH_KNOWN_HOST    the server's host keys as lines of known_hosts; SSH_OTHER_HOST: of another one
#   SSH_ROOT          a folder that goes with the server
# Runs as anybody. Exits with the command's status.
set -euo pipefail
PATH=$PATH:/usr/sbin:/usr/lib/openssh
for tool in sshd ssh-keygen scp; do
  command -v "$tool" >/dev/null || {
    echo "with_sshd.sh: no $tool (Debian: openssh-server openssh-client)" >&2
    exit 1
  }
done
folder=$(mktemp -d /tmp/reelkeep-ssh-XXXXXX)
pid=
finish() {
  local status=$?
  [[ -z $pid ]] || kill -KILL "$pid" 2>/dev/null || true
  wait 2>/dev/null || true
  rm -rf "$folder"
  exit "$status"
}
trap finish EXIT
trap 'exit 130' INT TERM

SSH_ROOT=$folder/root
SSH_KEY=$folder/key
SSH_OTHER_KEY=$folder/other_key
SSH_USER=$(id -un)
mkdir "$SSH_ROOT"
for name in host other_host key other_key; do
  ssh-keygen -q -t ed25519 -N '' -C test -f "$folder/$name"
done
ssh-keygen -q -t ecdsa -N '' -C test -f "$folder/host_ecdsa"
cp "$folder/key.pub" "$folder/authorized"
# The folder that sshd separates itself in, when root runs it.
((EUID != 0)) || mkdir -p /run/sshd
for _ in {1..16}; do
  port=$((20000 + RANDOM % 12000))
  (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && continue
  cat >"$folder/config" <<CONF
Port $port
ListenAddress 127.0.0.1
HostKey $folder/host
HostKey $folder/host_ecdsa
PidFile none
AuthorizedKeysFile $folder/authorized
StrictModes no
UsePAM no
PermitRootLogin yes
PasswordAuthentication no
PrintMotd no
MaxStartups 100
Subsystem sftp internal-sftp
CONF
  "$(command -v sshd)" -D -e -f "$folder/config" >"$folder/out" 2>&1 &
  pid=$!
  until (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do
    kill -0 "$pid" 2>/dev/null || break
    read -rt 0.05 < <(:) || true
  done
  kill -0 "$pid" 2>/dev/null && break
  pid=
done
[[ -n $pid ]] || {
  echo "with_sshd.sh: sshd does not start: $(cat "$folder/out")" >&2
  exit 1
}
SSH_HOST=127.0.0.1:$port
SSH_KNOWN_HOST=$(awk -v h="[127.0.0.1]:$port" '{ print h, $1, $2 }' "$folder/host.pub" "$folder/host_ecdsa.pub")
SSH_OTHER_HOST=$(awk -v h="[127.0.0.1]:$port" '{ print h, $1, $2 }' "$folder/other_host.pub")
export SSH_HOST SSH_USER SSH_KEY SSH_OTHER_KEY SSH_KNOWN_HOST SSH_OTHER_HOST SSH_ROOT
status=0
"$@" || status=$?
[[ $status == 0 ]] || tail -n 20 "$folder/out" >&2
exit "$status"
