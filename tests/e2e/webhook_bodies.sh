#!/usr/bin/env bash
# Whatever its Content-Type, Content-Encoding or framing, a body is stored byte for byte, and the
# limit holds.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
configure
sed -i 's/^\[admin\]/max_body = "64KiB"\n[admin]/' "$CONFIG"
start_agent
user=(-u "$HOOK_USER:$HOOK_PASSWORD")
stored() { # WHAT FILE: the answer says so, and the journal has these bytes
  judge "$1: the answer" "$WORK/answer" '.duplicate == false'
  run deliveries --raw "$(jq .delivery "$WORK/answer")" --unmasked
  check "$1: byte for byte" cmp "$OUT" "$2"
}
taken() { equal "status of $1" "$(http "${user[@]}" "${@:2}" "$HOOK")" 200; }

# What `curl -d` sends is declared as a form, and 20 KiB of it are more than some libraries take.
head -c 20480 /dev/zero | tr '\0' 'x' >"$WORK/form"
taken '20 KiB of a form' -d "@$WORK/form"
stored '20 KiB of a form' "$WORK/form"

# A multipart body: what curl sent is what its trace says it sent.
printf 'part one' >"$WORK/part"
taken multipart -F "file=@$WORK/part;type=application/json" -F 'field=a b' --trace "$WORK/trace"
run deliveries --raw "$(jq .delivery "$WORK/answer")" --unmasked
boundary=$(sed -n '1s/^--\(-*[0-9a-f]*\)\r$/\1/p' "$OUT")
[[ -n $boundary ]] || die "no boundary in $(head -n 1 "$OUT")"
printf -- '--%s\r\nContent-Disposition: form-data; name="file"; filename="part"\r\nContent-Type: application/json\r\n\r\npart one\r\n--%s\r\nContent-Disposition: form-data; name="field"\r\n\r\na b\r\n--%s--\r\n' \
  "$boundary" "$boundary" "$boundary" >"$WORK/multipart"
check "multipart: byte for byte" cmp "$OUT" "$WORK/multipart"

jq -n '{type: "chatdata", app_id: "a", conf_num: "zipped", url: "https://portal.enablex.io/x.json"}' | gzip >"$WORK/zipped"
taken gzip -H 'Content-Encoding: gzip' -H 'Content-Type: application/json' --data-binary "@$WORK/zipped"
stored gzip "$WORK/zipped"
taken 'an unknown encoding' -H 'Content-Encoding: br' --data-binary "@$WORK/part"
stored 'an unknown encoding' "$WORK/part"
head -c 4096 /dev/urandom >"$WORK/random"
taken 'chunked' -H 'Transfer-Encoding: chunked' --data-binary "@$WORK/random"
stored chunked "$WORK/random"
head -c 5000 /dev/urandom >"$WORK/random"
taken 'no type' -H 'Content-Type:' --data-binary "@$WORK/random"
stored 'no type' "$WORK/random"
head -c 5000 /dev/urandom >"$WORK/random"
taken 'a wrong type' -H 'Content-Type: text/html; charset=klingon' --data-binary "@$WORK/random"
stored 'a wrong type' "$WORK/random"
: >"$WORK/empty"
taken empty --data-binary "@$WORK/empty"
stored empty "$WORK/empty"
head -c 65536 /dev/urandom >"$WORK/most"
taken 'exactly the limit' -H 'Expect:' --data-binary "@$WORK/most"
stored 'exactly the limit' "$WORK/most"
head -c 65536 /dev/urandom >"$WORK/most"
taken 'exactly the limit, chunked' -H 'Transfer-Encoding: chunked' --data-binary "@$WORK/most"
stored 'exactly the limit, chunked' "$WORK/most"
head -c 3000 /dev/urandom >"$WORK/random"
taken 'asked before it is sent' -H 'Expect: 100-continue' --data-binary "@$WORK/random"
stored 'asked before it is sent' "$WORK/random"

run deliveries --json
kept=$(jq length "$OUT")
head -c 65537 /dev/urandom >"$WORK/more"
head -c 3000000 /dev/urandom >"$WORK/much"
for file in more much; do
  equal "$file than the limit" "$(http "${user[@]}" --data-binary "@$WORK/$file" "$HOOK")" 413
  equal "$file than the limit, chunked" \
    "$(http "${user[@]}" -H 'Transfer-Encoding: chunked' --data-binary "@$WORK/$file" "$HOOK")" 413
  equal "$file than the limit, sent at once" "$(http "${user[@]}" -H 'Expect:' --data-binary "@$WORK/$file" "$HOOK")" 413
done
# A gzip body that would be large when unpacked is small: it is not unpacked.
head -c 30000000 /dev/zero | gzip -9 >"$WORK/bomb"
taken 'a body that would unpack to 30 MB' -H 'Content-Encoding: gzip' --data-binary "@$WORK/bomb"
stored 'a body that would unpack to 30 MB' "$WORK/bomb"
run deliveries --json
equal "deliveries: nothing that was refused was stored" "$(jq length "$OUT")" $((kept + 1))
await "all are looked at" all_applied
judge "none could be understood, all are kept" "$OUT" 'all(.[]; .state == "quarantined" and .reason != null)'
stop_agent
equal "exit status of the agent" "$AGENT_STATUS" 0
