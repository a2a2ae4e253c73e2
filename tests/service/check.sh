#!/usr/bin/env bash
# Installs the service on a system that may be spoilt, breaks it in every way, and takes it away again. Run as root on
# a booted Raspberry Pi OS or Debian without a camera and without a network, from a checkout at $1 with a wheel at $2:
#
#   tests/service/check.sh /path/to/checkout /path/to/face_edge-….whl [/path/to/face_detection_yunet_2023mar.onnx]
#
# PART=promises does a part alone: installed, used by its owner, taken away; otherwise it does all.
# Prints a line for each step; ends with "all passed", or at the first step that does not hold with exit code 1.
# shellcheck disable=SC2015  # ok never fails
set -euo pipefail
checkout=$1 wheel=$2 yunet=${3:-}
# shellcheck source=tests/service/steps.sh
. "$checkout/tests/service/steps.sh"
export SETTLE_S=${SETTLE_S:-6}
log=/tmp/install.log
explain() { tail -n 20 "$log" 2>/dev/null; journalctl -u face-edge -u face-edge-fault -u mosquitto -n 40 --no-pager -o short-precise; }
install_() { "$checkout/systemd/install.sh" --no-apt --wheel "$wheel" "$@" >"$log" 2>&1; }
looks() { waits 60 is StatusText 'looking at virtual:portrait'; }
logged() { journalctl -u face-edge --since "@$1" -o cat --no-pager | grep "$2" >/dev/null; }   # logged SINCE PATTERN
configure() {   # configure SOURCE
    mkdir -p /etc/face-edge
    cat >/etc/face-edge/config.toml <<C
[source]
uri = "$1"
width = 320
height = 240
fps = 10
[mqtt]
broker = "mqtt://127.0.0.1"
[[display]]
kind = "terminal"
[kiosk]
enabled = true
C
}
override() {   # override UNIT LINES: until the next one, or `rm -r /run/systemd/system/UNIT.d`
    mkdir -p "/run/systemd/system/$1.d"
    printf '[Service]\n%b' "$2" >"/run/systemd/system/$1.d/check.conf"
    systemctl daemon-reload
}

[ -e /usr/bin/cage ] || ln -s /bin/true /usr/bin/cage   # a screen is not what is tested here

if [ "${PART:-all}" = promises ]; then
    step 'into a system that is not running, then started'
    configure virtual:portrait
    started=$SECONDS; install_ --no-start --broker --no-yunet || fail
    grep -q 'no locked versions' "$log" && fail 'the lock was not used'
    systemctl daemon-reload; systemctl restart mosquitto; systemctl start face-edge
    looks && ok "$(took), $(du -sm /opt/face-edge/current/ | cut -f1) MB" || fail
    # shellcheck source=tests/service/promises.sh
    . "$checkout/tests/service/promises.sh"
    # shellcheck source=tests/service/removal.sh
    . "$checkout/tests/service/removal.sh"
    all_passed
    exit
fi

step 'into a system that is not running, with a first configuration'
started=$SECONDS
install_ --no-start --broker --kiosk || fail
haar=$(grep -c 'Haar finds the faces: .*YuNet.*--yunet' "$log" || true)
grep -q 'no locked versions' "$log" && fail 'the lock was not used'
code=0; face-edge config check >"$log" 2>&1 || code=$?
# what is missing here is the library of the camera, and nothing else
[ $code != 0 ] && [ "$(grep -c 'error:' "$log")" = 1 ] && grep -q 'source.uri: picamera:0: picamera2' "$log" || fail "exit code $code"
grep -q '^broker = "mqtt://127.0.0.1"' /etc/face-edge/config.toml && grep -A1 -F '[kiosk]' /etc/face-edge/config.toml | grep true >/dev/null \
    && [ "$(show MainPID)" = 0 ] && systemctl is-enabled --quiet face-edge face-edge-kiosk mosquitto \
    && getent passwd face-edge face-wall >/dev/null && ok "$(took), $(du -sm /opt/face-edge/current/ | cut -f1) MB" || fail

step 'without a network Haar finds the faces, in one line'
[ "$haar" = 1 ] && [ "$(stat -c '%U %a' /var/lib/face-edge)" = 'face-edge 700' ] \
    && [ -z "$(find /var/lib/face-edge -name '*.onnx')" ] && ok || fail

step 'and without a camera: not healthy, and why'
code=0; install_ --no-yunet || code=$?
[ $code = 1 ] && grep -q 'picamera2' "$log" && ok "$(grep -o 'picamera2.*' "$log" | head -n 1 | cut -c 1-60)" || fail "exit code $code"

step 'again, with another source: it runs; broker, wall page as chosen'
configure virtual:portrait; systemctl reset-failed
grep -q 'Haar finds the faces' "$log" && fail 'it was told --no-yunet'
started=$SECONDS; install_ --extras broker ${yunet:+--yunet "$yunet"} || fail
grep -q 'Mosquitto serves\|runs; see' "$log" && [ -e /etc/systemd/system/face-edge-kiosk.service ] && ok "$(took)" || fail

if [ -n "$yunet" ]; then
    step 'YuNet from a file: the service has it'
    grep -q 'Haar finds the faces' "$log" && fail
    [ "$(stat -c '%U %a' /var/lib/face-edge/models/*.onnx)" = 'face-edge 644' ] \
        && face-edge models list | grep 'yunet: .*ok' >"$log" && ok "$(cat "$log")" || fail
fi

step 'units verify without a word'
said=$(systemd-analyze verify --man=no /etc/systemd/system/face-edge{,-fault,-kiosk,-trial}.service mosquitto.service 2>&1 | grep 'face-edge\|mosquitto' || true)
[ -z "$said" ] && ok || fail "$said"

step 'exposure at most 2.0: the device, the fault, the broker'
scores="$(exposure face-edge.service) $(exposure face-edge-fault.service) $(exposure mosquitto.service)"
for score in $scores; do at_most "$score" 2.0 || fail "$scores"; done
ok "$scores"

step 'told the manager that it is ready, and what it does'
looks && ok "$(show StatusText), $(ps -o rss= -p "$(pid)" | awk '{printf "%.0f MB", $1/1000}')" || fail "$(show StatusText)"

step 'the page answers'
page="import urllib.request as r; print(r.urlopen('http://127.0.0.1:8080/', timeout=10).status)"
waits 30 python3 -c "$page" && ok || fail

step 'status as root'
face-edge status | grep 'virtual:portrait: online' >/dev/null && ok || fail

step 'events reach a subscriber'
timeout 60 mosquitto_sub -t 'face-edge/+/state' -C 2 >/dev/null && ok || fail

step 'what is in memory reaches no disk: no core dumps, no swap; descriptors are bounded'
grep -Eq '^Max core file size +0 +0 ' "/proc/$(pid)/limits" && [ "$(show MemorySwapMax)" = 0 ] \
  && grep -Eq '^Max open files +4096 +4096 ' "/proc/$(pid)/limits" && ok || fail

step 'no rights, own folders'
[ "$(stat -c '%U %a' /var/lib/face-edge)" = 'face-edge 700' ] && [ "$(ps -o user= -p "$(pid)")" = face-edge ] \
    && grep -q 'CapEff:.0000000000000000' "/proc/$(pid)/status" && ok || fail

step 'the broker: own user, no rights, serves this machine alone'
listeners=$(ss -Hltn 'sport = :1883' | awk '{print $4}' | sort | tr '\n' ' ')
[ "$(ps -o user= -p "$(show MainPID mosquitto.service)")" = mosquitto ] \
    && grep -q 'CapEff:.0000000000000000' "/proc/$(show MainPID mosquitto.service)/status" \
    && [ "$listeners" = '127.0.0.1:1883 [::1]:1883 ' ] && ok "$listeners" || fail "$listeners"

step 'the broker, killed ten times, comes back, and the device to it'
for _ in $(seq 10); do
    waits 30 is ActiveState active mosquitto.service || fail; kill -KILL "$(show MainPID mosquitto.service)"; sleep 0.5
done
waits 30 is ActiveState active mosquitto.service \
    && timeout 60 mosquitto_sub -t 'face-edge/+/state' -C 2 >/dev/null && ok || fail

step 'fields in the journal'
journalctl -u face-edge LOGGER=edge.runtime.app --no-pager -o json | grep '"CODE_FUNC"' >/dev/null && ok || fail

step 'SIGKILL: started again'
before=$(pid); kill -KILL "$before"; started=$SECONDS
waits 60 another_pid "$before" && ok "$(took)" || fail

step 'watchdog: a process that stands still is started again'
override face-edge.service 'WatchdogSec=5\n'
systemctl restart face-edge; before=$(pid); kill -STOP "$before"; started=$SECONDS
waits 60 another_pid "$before" && ok "$(took)" || fail

step 'a pause is no fault to the watchdog'
looks || fail; kill -USR1 "$(pid)"; waits 20 is StatusText paused; before=$(pid); sleep 11
[ "$(pid)" = "$before" ] && is StatusText paused && ok || fail
kill -USR1 "$(pid)"
override face-edge.service 'WatchdogSec=60\n'   # from the next start on: less ends a healthy one on a busy machine

step 'reload takes over and names what needs a restart'
looks || fail
sed -i 's/fps = 10/fps = 9/' /etc/face-edge/config.toml; printf '[detector]\nmin_face = 0.2\n' >>/etc/face-edge/config.toml
before=$(pid); now=$(date +%s); systemctl reload face-edge
waits 20 logged "$now" 'now detector.min_face' && waits 20 logged "$now" 'source.fps: takes effect after a restart' \
    && [ "$(pid)" = "$before" ] && ok || fail

step 'a camera that is away: alive, and said so'
sed -i 's/virtual:portrait/usb:9/' /etc/face-edge/config.toml; systemctl restart face-edge; before=$(pid)
waits 60 is StatusText 'usb:9 is away'; sleep 5; [ "$(pid)" = "$before" ] && ok || fail
code=0; face-edge status >/dev/null || code=$?
step 'status has exit code 5 then'; [ $code = 5 ] && ok || fail $code

step 'a configuration with a mistake: no restart, the fault is shown'
cp /etc/face-edge/config.toml /tmp/good.toml; sed -i 's/min_face = 0.2/min_face = 7/' /etc/face-edge/config.toml
systemctl restart face-edge 2>/dev/null || true
waits 60 is ActiveState active face-edge-fault.service && is ActiveState failed && ok || fail

step 'mended and started: the fault is no longer shown'
sed 's/usb:9/virtual:portrait/' /tmp/good.toml > /etc/face-edge/config.toml; systemctl reset-failed; systemctl start face-edge
waits 60 is ActiveState active && waits 20 is ActiveState inactive face-edge-fault.service && ok || fail

step 'falls over again and again: given up, the fault is shown'
runs_or_gave_up() { is ActiveState active || is ActiveState active face-edge-fault.service; }
for _ in $(seq 12); do   # a start takes 10 s and more where the machine is busy
    waits 60 runs_or_gave_up || break
    if is ActiveState active face-edge-fault.service; then break; fi
    kill -KILL "$(pid)" 2>/dev/null || true; sleep 1
done
waits 30 is ActiveState active face-edge-fault.service && ok || fail
step 'after a while it is tried once more'
override face-edge-fault.service 'RuntimeMaxSec=2\n'
systemctl stop face-edge-fault; systemctl reset-failed; systemctl start face-edge-fault
waits 60 is ActiveState active && ! is ActiveState active face-edge-fault.service && ok || fail

step 'a secret by credential, which no other program sees'
printf 'secret\n' >/etc/face-edge/mqtt-password; chmod 600 /etc/face-edge/mqtt-password
override face-edge.service 'LoadCredential=mqtt-password:/etc/face-edge/mqtt-password\nEnvironment=FACE_EDGE_MQTT__USERNAME=hall\n'
reads() { nsenter -t "$(pid)" -m runuser -u "$1" -- cat /run/credentials/face-edge.service/mqtt-password 2>/dev/null || true; }
now=$(date +%s); systemctl restart face-edge; looks || fail
waits 30 sh -c "timeout 10 mosquitto_sub -t 'face-edge/+/availability' -C 1 | grep -q online" \
    && [ "$(reads face-edge)" = secret ] && [ -z "$(reads nobody)" ] && ! logged "$now" secret && ok || fail
rm -r /run/systemd/system/face-edge.service.d /run/systemd/system/face-edge-fault.service.d; systemctl daemon-reload

step 'a root that it cannot write, and 2 MB in memory for all state'
systemctl stop face-edge; mv /var/lib/face-edge /var/lib/face-edge.kept; mkdir /var/lib/face-edge
mount -t tmpfs -o size=2m,mode=0700,uid=face-edge,gid=face-edge tmpfs /var/lib/face-edge
systemctl reset-failed; systemctl start face-edge
if nsenter -t "$(pid)" -m touch /etc/here /opt/here /usr/here /var/here 2>/dev/null; then fail 'it can write its root'; fi
looks && timeout 60 mosquitto_sub -t 'face-edge/+/state' -C 1 >/dev/null \
    && face-edge sessions start 'On a card that cannot be written' >/dev/null && sleep 2 && face-edge sessions stop >/dev/null \
    && face-edge sessions list | grep 'cannot be written' >/dev/null && ok || fail
systemctl stop face-edge; umount /var/lib/face-edge; rmdir /var/lib/face-edge
mv /var/lib/face-edge.kept /var/lib/face-edge; systemctl start face-edge

. "$checkout/tests/service/promises.sh"

step 'upgrade keeps configuration, data and added extras'
looks && face-edge sessions start 'Before it' >/dev/null && sleep 3 && face-edge sessions stop >/dev/null || fail
sum=$(cat /etc/face-edge/config.toml /var/lib/face-edge/settings-* | sha256sum)
one=$(readlink /opt/face-edge/current)
/opt/face-edge/current/installer/install.sh --no-apt >"$log" 2>&1 || fail   # its own copy, as without a checkout
[ "$sum" = "$(cat /etc/face-edge/config.toml /var/lib/face-edge/settings-* | sha256sum)" ] \
    && [ "$(readlink /opt/face-edge/current)" != "$one" ] && is ActiveState active \
    && face-edge sessions list | grep 'Before it' >/dev/null && ! grep -q 'Haar finds the faces' "$log" \
    && [ "$(cat /etc/face-edge/extras)" = broker ] && /opt/face-edge/current/bin/python -c 'import amqtt' && ok || fail

# shellcheck source=tests/service/upgrades.sh
. "$checkout/tests/service/upgrades.sh"

step 'a new version that falls over is taken back, with its sessions'
one=$(readlink /opt/face-edge/current)
rm -rf /tmp/bad; mkdir /tmp/bad; cp -r "$checkout/systemd" /tmp/bad/
python3 "$checkout/tests/service/break_version.py" exits "$wheel" /tmp/bad
sed -i 's/^Description=.*/& (the next version)/' /tmp/bad/systemd/face-edge.service
code=0; now=$(date +%s)
/tmp/bad/systemd/install.sh --no-apt --wheel /tmp/bad/*.whl >"$log" 2>&1 || code=$?
[ $code = 1 ] && grep -q 'the previous one runs again' "$log" && [ "$(readlink /opt/face-edge/current)" = "$one" ] \
    && is ActiveState active && ! grep -q 'next version' /etc/systemd/system/face-edge.service && waits 20 logged "$now" 'of the next version now' || fail
looks && face-edge sessions list >"$log" 2>&1 && grep -q 'Before it' "$log" && ok || fail

step 'a package that is missing changes nothing'
code=0; PIP_FIND_LINKS=/nowhere install_ || code=$?
[ $code != 0 ] && [ "$(readlink /opt/face-edge/current)" = "$one" ] && is ActiveState active && ok || fail

step 'a broker that does not start with newer settings keeps its own'
kept=$(cat /etc/mosquitto/conf.d/face-edge.conf); sed -i '/^autosave_interval/s/.*/no_such_setting 1/' /tmp/bad/systemd/mosquitto/on-device.conf
code=0; /tmp/bad/systemd/install.sh --no-apt --wheel "$wheel" --broker >"$log" 2>&1 || code=$?
[ $code = 1 ] && grep -q 'its settings are as they were' "$log" && [ "$kept" = "$(cat /etc/mosquitto/conf.d/face-edge.conf)" ] \
    && [ -e /etc/systemd/system/mosquitto.service.d/face-edge.conf ] && waits 20 is ActiveState active mosquitto.service && is ActiveState active && ok || fail

. "$checkout/tests/service/removal.sh"

all_passed
