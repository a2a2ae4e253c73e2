#!/usr/bin/env bash
# Installs the service on a system that may be spoilt, breaks it in every way, and takes it away again. Run as root on
# a booted Raspberry Pi OS or Debian without a camera, from a checkout at $1 with a wheel at $2:
#
#   tests/service/check.sh /path/to/checkout /path/to/face_edge-….whl
#
# Prints a line for each step; ends with "all passed", or at the first step that does not hold with exit code 1.
set -euo pipefail
checkout=$1 wheel=$2
export SETTLE_S=${SETTLE_S:-6}
passed=0

step() { printf '%-68s' "$1"; }
ok() { passed=$((passed + 1)); printf 'ok %s\n' "${1:-}"; }
fail() { printf 'FAILED %s\n' "${1:-}"; journalctl -u face-edge -u face-edge-fault -n 25 --no-pager -o short-precise; exit 1; }
show() { systemctl show -p "$1" --value "${2:-face-edge.service}"; }
waits() {   # waits SECONDS COMMAND...: until it succeeds
    local end=$((SECONDS + $1)); shift
    until "$@" >/dev/null 2>&1; do [ $SECONDS -lt $end ] || return 1; sleep 0.3; done
}
is() { [ "$(show "$1" "${3:-face-edge.service}")" = "$2" ]; }
pid() { show MainPID; }
another_pid() { [ "$(pid)" != "$1" ] && [ "$(pid)" != 0 ] && is ActiveState active; }

mkdir -p /etc/face-edge
cat > /etc/face-edge/config.toml <<'C'
[source]
uri = "virtual:portrait"
width = 320
height = 240
fps = 10
[mqtt]
broker = "mqtt://127.0.0.1"
[[display]]
kind = "terminal"
C
systemctl start mosquitto

step 'install'
started=$SECONDS
"$checkout/systemd/install.sh" --no-apt --wheel "$wheel" --extras kiosk >/tmp/install.log 2>&1 || { cat /tmp/install.log; fail; }
ok "$((SECONDS - started)) s, $(du -sm /opt/face-edge | cut -f1) MB"

step 'units verify without a word'
said=$(systemd-analyze verify /etc/systemd/system/face-edge.service /etc/systemd/system/face-edge-fault.service 2>&1 | grep face-edge || true)
[ -z "$said" ] && ok || fail "$said"

step 'exposure at most 2.0'
score=$(systemd-analyze security --no-pager face-edge.service | sed -n 's/.*exposure level for .*: \([0-9.]*\).*/\1/p')
awk "BEGIN { exit !($score <= 2.0) }" && ok "$score" || fail "$score"

step 'told the manager that it is ready, and what it does'
waits 10 is StatusText 'looking at virtual:portrait' && ok "$(show StatusText), $(ps -o rss= -p "$(pid)" | awk '{printf "%.0f MB", $1/1000}')" || fail "$(show StatusText)"

step 'status as root'
face-edge status | grep -q 'virtual:portrait: online' && ok || fail

step 'events reach a subscriber'
timeout 15 mosquitto_sub -t 'face-edge/+/state' -C 2 >/dev/null && ok || fail

step 'no rights, own folders'
[ "$(stat -c '%U %a' /var/lib/face-edge)" = 'face-edge 700' ] && [ "$(ps -o user= -p "$(pid)")" = face-edge ] \
    && grep -q 'CapEff:.0000000000000000' "/proc/$(pid)/status" && ok || fail

step 'fields in the journal'
journalctl -u face-edge LOGGER=edge.runtime.app --no-pager -o json | grep -q '"CODE_FUNC"' && ok || fail

step 'SIGKILL: started again'
before=$(pid); kill -KILL "$before"; started=$SECONDS
waits 20 another_pid "$before" && ok "$((SECONDS - started)) s" || fail

step 'watchdog: a process that stands still is started again'
mkdir -p /run/systemd/system/face-edge.service.d
printf '[Service]\nWatchdogSec=3\n' > /run/systemd/system/face-edge.service.d/check.conf
systemctl daemon-reload; systemctl restart face-edge; before=$(pid); kill -STOP "$before"; started=$SECONDS
waits 30 another_pid "$before" && ok "$((SECONDS - started)) s" || fail

step 'a pause is no fault to the watchdog'
kill -USR1 "$(pid)"; waits 5 is StatusText paused; before=$(pid); sleep 7
[ "$(pid)" = "$before" ] && is StatusText paused && ok || fail
kill -USR1 "$(pid)"

step 'reload takes over and names what needs a restart'
sed -i 's/fps = 10/fps = 9/' /etc/face-edge/config.toml; printf '[detector]\nmin_face = 0.2\n' >> /etc/face-edge/config.toml
before=$(pid); systemctl reload face-edge
waits 5 sh -c 'journalctl -u face-edge -n 5 -o cat --no-pager | grep -q "now detector.min_face"' \
    && journalctl -u face-edge -n 5 -o cat --no-pager | grep -q 'source.fps: takes effect after a restart' \
    && [ "$(pid)" = "$before" ] && ok || fail

step 'a camera that is away: alive, and said so'
sed -i 's/virtual:portrait/usb:9/' /etc/face-edge/config.toml; systemctl restart face-edge; before=$(pid)
waits 10 is StatusText 'usb:9 is away'; sleep 5; [ "$(pid)" = "$before" ] && ok || fail
code=0; face-edge status >/dev/null || code=$?
step 'status has exit code 5 then'; [ $code = 5 ] && ok || fail $code

step 'a configuration with a mistake: no restart, the fault is shown'
cp /etc/face-edge/config.toml /tmp/good.toml; sed -i 's/min_face = 0.2/min_face = 7/' /etc/face-edge/config.toml
systemctl restart face-edge 2>/dev/null || true
waits 10 is ActiveState active face-edge-fault.service && is ActiveState failed && ok || fail

step 'mended and started: the fault is no longer shown'
sed 's/usb:9/virtual:portrait/' /tmp/good.toml > /etc/face-edge/config.toml; systemctl reset-failed; systemctl start face-edge
waits 5 is ActiveState active && waits 5 is ActiveState inactive face-edge-fault.service && ok || fail

step 'falls over again and again: given up, the fault is shown'
for _ in $(seq 12); do waits 12 is ActiveState active || break; kill -KILL "$(pid)"; sleep 1; done
waits 15 is ActiveState active face-edge-fault.service && ok || fail
step 'after a while it is tried once more'
mkdir -p /run/systemd/system/face-edge-fault.service.d
printf '[Service]\nRuntimeMaxSec=2\n' > /run/systemd/system/face-edge-fault.service.d/check.conf
systemctl daemon-reload; systemctl stop face-edge-fault; systemctl reset-failed; systemctl start face-edge-fault
waits 20 is ActiveState active && ! is ActiveState active face-edge-fault.service && ok || fail

step 'a secret by credential, which no other program sees'
printf 'secret\n' > /etc/face-edge/mqtt-password; chmod 600 /etc/face-edge/mqtt-password
printf '[Service]\nLoadCredential=mqtt-password:/etc/face-edge/mqtt-password\nEnvironment=FACE_EDGE_MQTT__USERNAME=hall\n' \
    > /run/systemd/system/face-edge.service.d/check.conf
systemctl daemon-reload; systemctl restart face-edge
waits 10 sh -c 'journalctl -u mosquitto -u face-edge -n 60 --no-pager | grep -q "ready\|connected\|online"'
timeout 10 mosquitto_sub -t 'face-edge/+/availability' -C 1 | grep -q online && ok || fail
rm -r /run/systemd/system/face-edge.service.d /run/systemd/system/face-edge-fault.service.d; systemctl daemon-reload

step 'a root that it cannot write, and 2 MB in memory for all state'
systemctl stop face-edge; mv /var/lib/face-edge /var/lib/face-edge.kept; mkdir /var/lib/face-edge
mount -t tmpfs -o size=2m,mode=0700,uid=face-edge,gid=face-edge tmpfs /var/lib/face-edge
systemctl reset-failed; systemctl start face-edge
if nsenter -t "$(pid)" -m touch /etc/here /opt/here /usr/here /var/here 2>/dev/null; then fail 'it can write its root'; fi
waits 10 is StatusText 'looking at virtual:portrait' && timeout 15 mosquitto_sub -t 'face-edge/+/state' -C 1 >/dev/null \
    && face-edge sessions start 'On a card that cannot be written' >/dev/null && sleep 2 && face-edge sessions stop >/dev/null \
    && face-edge sessions list | grep -q 'cannot be written' && ok || fail
systemctl stop face-edge; umount /var/lib/face-edge; rmdir /var/lib/face-edge
mv /var/lib/face-edge.kept /var/lib/face-edge; systemctl start face-edge

step 'upgrade keeps configuration and data'
sum=$(cat /etc/face-edge/config.toml /var/lib/face-edge/settings-* | sha256sum)
one=$(readlink /opt/face-edge/current)
"$checkout/systemd/install.sh" --no-apt --wheel "$wheel" --extras kiosk >/tmp/install.log 2>&1 || { cat /tmp/install.log; fail; }
[ "$sum" = "$(cat /etc/face-edge/config.toml /var/lib/face-edge/settings-* | sha256sum)" ] \
    && [ "$(readlink /opt/face-edge/current)" != "$one" ] && is ActiveState active && ok || fail

step 'a new version that falls over is taken back'
one=$(readlink /opt/face-edge/current)
cp -r "$checkout/systemd" /tmp/bad && sed -i 's/face-edge run/face-edge run --broken/' /tmp/bad/face-edge.service
code=0; /tmp/bad/install.sh --no-apt --wheel "$wheel" --extras kiosk >/tmp/install.log 2>&1 || code=$?
[ $code = 1 ] && grep -q 'the one before runs again' /tmp/install.log && [ "$(readlink /opt/face-edge/current)" = "$one" ] \
    && is ActiveState active && ! grep -q broken /etc/systemd/system/face-edge.service && ok || { cat /tmp/install.log; fail; }

step 'a package that is missing changes nothing'
code=0; PIP_FIND_LINKS=/nowhere "$checkout/systemd/install.sh" --no-apt --wheel "$wheel" --extras kiosk >/tmp/install.log 2>&1 || code=$?
[ $code != 0 ] && [ "$(readlink /opt/face-edge/current)" = "$one" ] && is ActiveState active && ok || { cat /tmp/install.log; fail; }

step 'uninstall leaves nothing'
"$checkout/systemd/install.sh" --uninstall --purge >/tmp/install.log 2>&1 || { cat /tmp/install.log; fail; }
left=$(find / -xdev \( -path /proc -o -path /tmp -o -path /root -o -path "$checkout" -o -path "$(dirname "$wheel")" -o -path /var/log \) -prune -o \( -name '*face-edge*' -o -name '*face_edge*' \) -print 2>/dev/null)
getent passwd face-edge >/dev/null && left="$left user"
[ -z "$left" ] && ok || fail "$left"

printf '%d steps, all passed\n' "$passed"
