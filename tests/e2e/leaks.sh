# shellcheck shell=bash
# What the scripts about secrets share, on top of lib.sh: everything that the program shows is made
# and kept, and then searched.

# show_everything CONF_NUM...: every reading command, for people and as JSON, the admin address, and
# the command line, into $SEEN.
show_everything() {
  local json conf command seq page
  for json in '' --json; do
    for conf in "$@"; do
      rk show "$conf" $json || true
      rk paths "$conf" $json || true
      rk why "$conf" $json || true
      rk redownload "$conf" --dry-run $json || true
    done
    for command in sessions deliveries queue check 'check --online' verify 'reconcile --dry-run' 'redownload c1 --failed'; do
      # shellcheck disable=SC2086
      rk $command $json || true
    done
  done
  for seq in 1 2 3 4; do rk deliveries --raw "$seq" || true; done
  for page in metrics readyz status livez; do
    http "${ADMIN%/}/$page" >/dev/null
    cat "$WORK/answer" "$WORK/head" >>"$SEEN"
  done
  tr '\0' ' ' <"/proc/$AGENT/cmdline" >>"$SEEN"
}

# no_leaks SECRET...: none of them is in what was shown, in a log, or in any file or name below the
# state directory but the journal. Queries of URLs are in the catalog: files are fetched by them.
no_leaks() {
  local looked_at=("$SEEN" "$AGENT_LOG" "$WORK/names") secret file place places leaks=0
  [[ ! -f $WORK/earlier.log ]] || looked_at+=("$WORK/earlier.log")
  while IFS= read -r -d '' file; do looked_at+=("$file"); done \
    < <(find "$STATE" -type f ! -name 'journal.db*' -print0)
  check "the catalog is looked at" test -s "$STATE/catalog.db"
  find "$STATE" >"$WORK/names"
  for secret in "$@"; do
    places=()
    for place in "${looked_at[@]}"; do
      [[ $secret =~ ^leak(Signature|QueryToken)$ && $place == "$STATE"/catalog.db* ]] || places+=("$place")
    done
    if grep -aqF -e "$secret" "${places[@]}"; then
      note "$secret is in: $(grep -alF -e "$secret" "${places[@]}" | tr '\n' ' ')"
      grep -ahoE ".{0,120}$secret.{0,40}" "${places[@]}" | head -n 3 1>&"$told" || true
      leaks=$((leaks + 1))
    fi
  done
  equal "secrets that were seen" "$leaks" 0
}
