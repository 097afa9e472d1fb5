#!/usr/bin/env bash
# The two-minute try-out archives a simulated session of every kind; --once ends it with status 0,
# without it the agent serves on until it is told to end.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
export REELKEEP
AGENT_LOG=$WORK/once.log
homes=()
# home_of LOG: where the try-out kept its things.
home_of() { sed -n 's/^what is left of this try-out: \(.*\) (remove it when you like)$/\1/p' "$1"; }

"$SOURCE/scripts/run" --once >"$AGENT_LOG" 2>&1 || die "scripts/run --once: status $?"
homes+=("$(home_of "$AGENT_LOG")")
check "it says where its things are" test -d "${homes[0]}/state/archive"
check "it checks the manifests" grep -qx 'every archived file has the digest in its manifest' "$AGENT_LOG"
for kind in recording transcoded live_recording chatdata metadata transcription; do
  check "files of kind $kind arrive" test -n "$(find "${homes[0]}/state/archive" -path "*/$kind/*" -type f)"
  check "people see them arriving" grep -qE "^  .*/$kind/.*bytes\)" "$AGENT_LOG"
done
check "the session is shown" grep -q '^== reelkeep show ' "$AGENT_LOG"

AGENT_LOG=$WORK/serving.log
"$SOURCE/scripts/run" >"$AGENT_LOG" 2>&1 {pause_fd}>&- &
AGENT=$!
children+=("$AGENT")
serving() { ended "$AGENT" || grep -q '^== serving until Ctrl-C' "$AGENT_LOG"; }
await "it serves on" serving
never "it ended" ended "$AGENT"
webhook=$(sed -n 's/^== starting the agent: webhook on \([^,]*\),.*/\1/p' "$AGENT_LOG")
equal "answer of the webhook, without a password" "$(http -X POST "http://$webhook/webhook")" 401
# The command that it proposes works as written.
proposed=$(sed -n 's/^  \(.* redownload .* --wait\)$/\1/p' "$AGENT_LOG")
check "a command to fetch again is proposed" test -n "$proposed"
(cd "$SOURCE" && eval "$proposed") >"$OUT" 2>"$ERR" || die "$proposed: $(cat "$ERR")"
stop_agent
equal "status when it is told to end" "$AGENT_STATUS" 0
homes+=("$(home_of "$AGENT_LOG")")
never "the agent is left behind" answers "${webhook##*:}"
for home in "${homes[@]}"; do
  [[ $home == "$SOURCE"/build/run/try-* ]] && rm -rf "$home"
done

status=0
"$SOURCE/scripts/run" --twice >"$OUT" 2>"$ERR" || status=$?
equal "status of an unknown argument" "$status" 1
check "it is named" grep -q 'unknown argument --twice' "$ERR"
