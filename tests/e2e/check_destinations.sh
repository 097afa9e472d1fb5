#!/usr/bin/env bash
# `reelkeep check --online` says of each FTP and SSH destination whether it lets us in, and else what is
# wrong with it: vsftpd and OpenSSH, which nobody here wrote.
here=$(dirname "$0")
if [[ -z ${FTP_EXPLICIT:-} ]]; then
  exec "$here/../support/with_vsftpd.sh" "$here/../support/with_sshd.sh" "$0" "$@"
fi
source "$here/lib.sh"
start_nginx
configure
printf '%s\n' "$FTP_PASSWORD" >"$WORK/secrets/ftp"
printf 'wrong\n' >"$WORK/secrets/wrong"
chmod 0600 "$WORK"/secrets/*
cp "$CONFIG" "$WORK/bare.toml"
known=$(tail -n 1 <<<"$SSH_KNOWN_HOST")
other=$(head -n 1 <<<"$SSH_OTHER_HOST")
free=$((20000 + RANDOM % 12000))
while (exec 3<>"/dev/tcp/127.0.0.1/$free") 2>/dev/null; do free=$((20000 + RANDOM % 12000)); done

ftp() { # HOST PASSWORD-FILE [LINE...]
  printf '%s\n' '[[destination]]' 'id = "there"' 'name = "ftp"' "host = \"$1\"" 'action = "verify"' \
    "username = \"$FTP_USER\"" "password_file = \"secrets/$2\"" "${@:3}"
}
ssh_to() { # NAME HOST KEY HOST-KEY ROOT
  printf '%s\n' '[[destination]]' 'id = "there"' "name = \"$1\"" "host = \"$2\"" 'action = "verify"' \
    "username = \"$SSH_USER\"" "private_key_file = \"$3\"" "host_key = \"$4\"" "root = \"$5\""
}
# says SEVERITY STATUS PATTERN WHAT DESTINATION-LINES: the one finding of that destination.
says() {
  { cat "$WORK/bare.toml" && printf '%s\n' "$5"; } >"$CONFIG"
  local status=0
  rk check --online --json || status=$?
  equal "status: $4 ($(cat "$OUT"))" "$status" "$2"
  jq '[.findings[] | select(.what | startswith("[[destination]] \"there\""))]' "$OUT" >"$WORK/finding"
  judge "$4" "$WORK/finding" 'length == 1 and (.[0] | .severity == $s and (.what | test($p)) and
    (($s == "ok") == (.way_out == "")))' --arg s "$1" --arg p "$3"
  never "the password was printed" grep -qF "$FTP_PASSWORD" "$OUT" "$ERR"
}

tls="ca_file = \"$FTP_CA\""
says ok 0 'answers and accepts the login' "FTP with TLS" "$(ftp "$FTP_EXPLICIT" ftp "$tls")"
says ok 0 'answers and accepts the login' "plain FTP" "$(ftp "$FTP_PLAIN" ftp 'tls = "none"')"
says error 5 'refuses the login|login' "a wrong password" "$(ftp "$FTP_EXPLICIT" wrong "$tls")"
says error 7 'certificate' "a certificate of nobody we know" "$(ftp "$FTP_EXPLICIT" ftp)"
says error 7 'TLS|tls' "a server without TLS" "$(ftp "$FTP_PLAIN" ftp "$tls")"
says error 7 'connect' "no server there" "$(ftp "127.0.0.1:$free" ftp "$tls")"

for name in sftp ssh; do
  says ok 0 'answers and accepts the login' "$name" "$(ssh_to $name "$SSH_HOST" "$SSH_KEY" "$known" "$SSH_ROOT")"
  says error 5 'refuses the login|login' "$name with a key that is not let in" \
    "$(ssh_to $name "$SSH_HOST" "$SSH_OTHER_KEY" "$known" "$SSH_ROOT")"
  says error 5 'shows the host key SHA256:' "$name with another host key" \
    "$(ssh_to $name "$SSH_HOST" "$SSH_KEY" "$other" "$SSH_ROOT")"
  says error 7 'connect' "$name: no server there" \
    "$(ssh_to $name "127.0.0.1:$free" "$SSH_KEY" "${known/"$SSH_HOST"/"127.0.0.1:$free"}" "$SSH_ROOT")"
done
