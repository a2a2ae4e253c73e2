# Sourced by check.sh: a version that does not work is taken back, whatever it does and whatever happens to the installer;
# one that works is accepted, however slowly the version before it ends. With a watchdog of 3 s a version is watched for 6 s.
# shellcheck shell=bash disable=SC2015,SC2034,SC2154  # ok never fails; took reads started; checkout, wheel, log: check.sh's
in_use() { readlink -f /opt/face-edge/current; }
uses() { [ "$(in_use)" = "$1" ]; }
upgrader() { PYTHONPATH=/opt/face-edge python3 -P -B -m upgrade "$@" >"$log" 2>&1; }
fault_since() { journalctl -u face-edge-fault --since "@$1" -o cat --no-pager | grep '^Started' >/dev/null; }
like_it() {   # like_it KIND: a version like the one in use but for that; prints its folder
    local folder
    folder=/opt/face-edge/releases/$(date +%Y%m%dT%H%M%S)-$1
    cp -al "$(in_use)" "$folder"
    python3 "$checkout/tests/service/break_version.py" "$1" "$folder"
    printf '%s\n' "$folder"
}
cut_off() {   # cut_off: has the installer go back to the version before, and kills it right after the switch
    local before installer
    before=$(in_use)
    "$checkout/systemd/install.sh" --rollback >"$log" 2>&1 &
    installer=$!
    while uses "$before"; do kill -0 $installer || return 1; done
    [ "${1:-}" != unguarded ] || systemctl kill --signal=KILL 'face-edge-guard-*.service'
    kill -KILL $installer
    wait $installer 2>/dev/null || true
}
has_gone_back() { uses "$good" && [ ! -L /opt/face-edge/trial ] && is ActiveState active; }
settle_before=$SETTLE_S
unset SETTLE_S
override face-edge.service 'WatchdogSec=3\nTimeoutStopSec=2\nEnvironment=BROKEN_AFTER_S=5\n'
good=$(in_use)

step 'a version that is slow to stop is accepted: it works'
started=$SECONDS; upgrader trial "$(like_it slow-stop)" || fail
! uses "$good" && looks && ok "$(took)" || fail

step 'a stop that ends in SIGKILL does not cancel a restart, and shows no fault'
now=$(date +%s); before=$(pid); systemctl restart face-edge || fail 'the restart was cancelled'
another_pid "$before" && looks || fail
systemctl stop face-edge; is Result timeout || fail "$(show Result)"
sleep 1; ! fault_since "$now" && is ActiveState inactive face-edge-fault.service && ok || fail
systemctl reset-failed face-edge; systemctl start face-edge; looks || fail

step '--rollback: a good version takes over from one that is slow to stop'
started=$SECONDS; now=$(date +%s); "$checkout/systemd/install.sh" --rollback >"$log" 2>&1 || fail
uses "$good" && looks && grep -q 'runs again' "$log" && ! fault_since "$now" && ok "$(took)" || fail

step 'one that freezes after it was ready is taken back'
code=0; started=$SECONDS; now=$(date +%s); upgrader trial "$(like_it freezes)" || code=$?
[ $code = 1 ] && grep -q 'the previous one runs again' "$log" && uses "$good" && looks && ! fault_since "$now" && ok "$(took)" || fail

step 'one that ends when the watchdog would have been content is taken back'
code=0; started=$SECONDS; upgrader trial "$(like_it late)" || code=$?
[ $code = 1 ] && grep -q 'the previous one runs again' "$log" && uses "$good" && looks && ok "$(took)" || fail

step 'the installer killed right after the switch: the version before runs, by itself'
cut_off || fail
waits 60 has_gone_back && looks && ok || fail
step 'and with all that watches it killed, from the next start'
cut_off unguarded || fail
sleep 1; ! uses "$good" || fail 'nothing was left to go back from'
systemctl restart face-edge || fail
has_gone_back && looks && ok || fail

step 'two installers do not run at a time'
code=0; flock /run/face-edge-install.lock "$checkout/systemd/install.sh" --rollback >"$log" 2>&1 || code=$?
[ $code = 1 ] && grep -q 'another installer is running' "$log" && uses "$good" && ok || fail

step '--rollback without a version to go back to says so'
for folder in /opt/face-edge/releases/*; do uses "$folder" || rm -rf "$folder"; done
code=0; "$checkout/systemd/install.sh" --rollback >"$log" 2>&1 || code=$?
[ $code = 1 ] && grep -q 'there is no previous version' "$log" && uses "$good" && is ActiveState active && ok || fail

rm -r /run/systemd/system/face-edge.service.d; systemctl daemon-reload
export SETTLE_S=$settle_before
