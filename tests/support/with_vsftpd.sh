#!/usr/bin/env bash
# with_vsftpd.sh COMMAND...: runs the command beside three FTP servers (vsftpd) of its own on free
# ports of the loopback: plain, with TLS on request (and demanded), and with TLS from the start. All
# serve one temporary folder, which goes with them. The command finds
#   FTP_PLAIN FTP_EXPLICIT FTP_IMPLICIT  host:port of each
#   FTP_USER FTP_PASSWORD                what they accept, and nothing else
#   FTP_ROOT                             the folder that is the login directory
#   FTP_CA                               the authority that signed their certificate
# Runs as anybody. Exits with the command's status.
set -euo pipefail
PATH=$PATH:/usr/sbin
command -v vsftpd >/dev/null || {
  echo "with_vsftpd.sh: no vsftpd (Debian: vsftpd)" >&2
  exit 1
}
folder=$(mktemp -d /tmp/reelkeep-ftp-XXXXXX)
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

mkdir "$folder/root"
key=(-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2)
{
  openssl req -x509 "${key[@]}" -keyout "$folder/ca.key" -out "$folder/ca.pem" -subj /CN=ftp-authority
  openssl req "${key[@]}" -keyout "$folder/server.key" -out "$folder/server.csr" -subj /CN=127.0.0.1
  openssl x509 -req -in "$folder/server.csr" -CA "$folder/ca.pem" -CAkey "$folder/ca.key" \
    -CAcreateserial -days 2 -out "$folder/server.pem" -extfile <(echo subjectAltName=IP:127.0.0.1)
} >"$folder/openssl.log" 2>&1

FTP_USER=anonymous
FTP_PASSWORD='p@ss:w%rd/of ftp'
FTP_ROOT=$folder/root
FTP_CA=$folder/ca.pem
# Its own accounts need root and PAM; the guest account with a list of passwords needs neither.
printf '%s\n' "$FTP_PASSWORD" >"$folder/passwords"

up() { # NAME LINES: sets ADDRESS
  local name=$1 port
  for _ in {1..16}; do
    port=$((20000 + RANDOM % 12000))
    (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && continue
    cat >"$folder/$name.conf" <<CONF
listen=YES
listen_address=127.0.0.1
listen_port=$port
background=NO
run_as_launching_user=YES
anonymous_enable=YES
local_enable=NO
anon_root=$FTP_ROOT
secure_email_list_enable=YES
email_password_file=$folder/passwords
write_enable=YES
anon_upload_enable=YES
anon_mkdir_write_enable=YES
anon_other_write_enable=YES
anon_world_readable_only=NO
anon_umask=022
pasv_address=127.0.0.1
use_localtime=NO
seccomp_sandbox=NO
xferlog_enable=NO
vsftpd_log_file=$folder/$name.log
$2
CONF
    vsftpd "$folder/$name.conf" >"$folder/$name.out" 2>&1 &
    local pid=$!
    until (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do
      kill -0 "$pid" 2>/dev/null || break
      read -rt 0.05 < <(:) || true
    done
    kill -0 "$pid" 2>/dev/null || continue
    pids+=("$pid")
    ADDRESS=127.0.0.1:$port
    return
  done
  echo "with_vsftpd.sh: vsftpd does not start: $(cat "$folder/$name.out")" >&2
  exit 1
}
tls="ssl_enable=YES
allow_anon_ssl=YES
force_anon_logins_ssl=YES
force_anon_data_ssl=YES
require_ssl_reuse=NO
rsa_cert_file=$folder/server.pem
rsa_private_key_file=$folder/server.key
ssl_ciphers=HIGH"
up plain ''
FTP_PLAIN=$ADDRESS
up explicit "$tls"
FTP_EXPLICIT=$ADDRESS
up implicit "$tls
implicit_ssl=YES"
FTP_IMPLICIT=$ADDRESS
export FTP_USER FTP_PASSWORD FTP_ROOT FTP_CA FTP_PLAIN FTP_EXPLICIT FTP_IMPLICIT
unset http_proxy https_proxy ftp_proxy HTTP_PROXY HTTPS_PROXY FTP_PROXY
status=0
"$@" || status=$?
exit "$status"
