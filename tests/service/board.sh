#!/usr/bin/env bash
# vm.sh's part inside the virtual board: a stage of what an installed device must do there. Run as root:
#
#   board.sh STAGE FOLDER     FOLDER as root.sh has it
#
# Stages, in order: install, whole, works, face, dark, faults, cut, again, readonly-prepare, readonly. A line for each step; ends at the first
# that does not hold with exit code 1.
# shellcheck disable=SC2015  # ok never fails
set -euo pipefail
stage=$1 folder=$2
checkout=$folder/checkout
# shellcheck source=tests/service/steps.sh
. "$checkout/tests/service/steps.sh"
log=/run/step.log
kept=/var/lib/board-check
explain() { tail -n 20 "$log" 2>/dev/null; journalctl -u face-edge -u face-edge-fault -n 30 --no-pager -o short-precise; }
told() { [[ "$(show StatusText)" == *"$1"* ]]; }
lines() { python3 "$checkout/tests/service/probe_lines.py" "$@" | tee "$log"; }
holds() { python3 -c "import json, sys; L = {int(k): v for k, v in json.loads(sys.argv[1]).items()}; sys.exit(not ($2))" "$1"; }
configure() {   # configure SOURCE [WIDTH HEIGHT]
    mkdir -p /etc/face-edge
    cat >/etc/face-edge/config.toml <<C
[source]
uri = "$1"
width = ${2:-320}
height = ${3:-180}
fps = 5
[mqtt]
broker = "mqtt://127.0.0.1"
[panel]
button = 23
light = 24
buzzer = 18
[[display]]
kind = "rgb_led"
red = 17
green = 27
blue = 22
brightness = 1.0
[[display]]
kind = "leds"
status = 21
brightness = 1.0
leds = { happy = 19, neutral = 20 }
C
}

install_() {
    step 'a Raspberry Pi to its programs: model, camera, GPIO chip'
    [ "$(uname -m)" = aarch64 ] && [ -c /dev/video0 ] && [ -c /dev/gpiochip0 ] || fail
    grep -q 'Raspberry Pi 4' /proc/device-tree/model && ok "$(tr -d '\0' </proc/device-tree/model), $(python3 --version)" || fail
    configure usb:0

    local detector=(--no-yunet) file
    for file in "$folder"/face_detection_yunet_*.onnx; do
        if [ -e "$file" ]; then detector=(--yunet "$file"); fi
    done
    step 'install.sh --broker: locked wheels by hash, both healthy'
    started=$SECONDS
    PIP_NO_INDEX=1 PIP_FIND_LINKS="$folder/wheels" SETTLE_S=${SETTLE_S:-10} \
        "$checkout/systemd/install.sh" --no-apt --broker "${detector[@]}" \
        --wheel "$(ls "$folder"/wheel/face_edge-*.whl)" >"$log" 2>&1 || fail
    grep -q 'no locked versions' "$log" && fail 'the lock was not used'
    ok "$(took), $(du -sm /opt/face-edge/current/ | cut -f1) MB"
}

whole() {
    step 'after a power cut right behind the installation: every file as installed'
    started=$SECONDS
    /opt/face-edge/current/bin/python "$checkout/tests/service/probe_installed.py" >"$log" 2>&1 && ok "$(took): $(tail -n 1 "$log")" || fail
    step 'and it runs'
    waits 240 told 'looking at usb:0' && ok "$(show StatusText)" || fail
}

works() {
    step 'looks at the camera, and says so'
    waits 240 told 'looking at usb:0' && ok "$(ps -o rss= -p "$(pid)" | awk '{printf "%.0f MB resident", $1 / 1000}')" || fail

    step 'exposure at most 2.0'
    scores="$(exposure face-edge.service) $(exposure mosquitto.service)"
    for score in $scores; do at_most "$score" 2.0 || fail "$scores"; done
    ok "$scores"

    step 'own user, no rights, memory limit of the kernel'
    limit=$(cat /sys/fs/cgroup/system.slice/face-edge.service/memory.max)
    [ "$(ps -o user= -p "$(pid)")" = face-edge ] && grep -q 'CapEff:.0000000000000000' "/proc/$(pid)/status" \
        && [ "$limit" != max ] && ok "$((limit / 1000000)) MB" || fail "$limit"

    step 'doctor as root: camera, GPIO, model'
    face-edge doctor >"$log" 2>&1 || true
    grep -Eq '^ok +gpio|gpio.*ok|ok.*gpio' "$log" && ok "$(grep -o 'ai-edge-litert.*' "$log" | head -n 1)" || fail

    step 'state and camera reach a subscriber'
    timeout 120 mosquitto_sub -t 'face-edge/+/state' -C 2 >"$log" && timeout 60 mosquitto_sub -t 'face-edge/+/camera' -C 1 >>"$log" \
        && grep -q online "$log" && ok "$(face-edge status | sed -n 's/^frames *//p')" || fail

    # dimming is a matter of tenths of milliseconds, which an emulator stretches: that it is dimmed is all that can be seen
    step 'nobody in view: RGB LED and status LED dimmed white, the others dark'
    found=$(lines 6 17 27 22 21 19 20)
    holds "$found" 'all(L[n]["rises"] > 5 and L[n]["share"] < 0.95 for n in (17, 27, 22, 21)) and L[19]["share"] == L[20]["share"] == 0' \
        && ok "red on $(python3 -c "import json, sys; print(json.loads(sys.argv[1])['17']['share'])" "$found") of the time" || fail
}

sees() { timeout 20 mosquitto_sub -t 'face-edge/+/state' -C 1 | grep "$1" >/dev/null; }   # sees PATTERN: in the state
camera() {   # camera [PLUGGED]: as it was, or an input into which a film can be played at /dev/video1
    systemctl stop face-edge
    rmmod vivid
    if [ "${1:-}" = plugged ]; then
        modprobe vivid n_devs=1 node_types=0x101 num_inputs=1 input_types=0x3 num_outputs=1 output_types=0x1
        # both ends 640x480; no text of the driver's own over the picture
        v4l2-ctl -d /dev/video1 --set-dv-bt-timings index=0
        v4l2-ctl -d /dev/video0 --set-ctrl osd_text_mode=2,hdmi_000_0_is_connected_to=2
        v4l2-ctl -d /dev/video0 --set-dv-bt-timings index=0
    else
        pivm-camera
    fi
}

lines_hold() {   # lines_hold "SECONDS LINE…" CONDITION
    # shellcheck disable=SC2086  # several words
    found=$(lines $1)
    holds "$found" "$2"
}

hold_face() {   # hold_face [LIGHT]: a face before the camera, in percent of full light
    camera plugged >"$log" 2>&1 || fail
    configure usb:0 640 480; systemctl start face-edge; waits 180 told 'looking at usb:0' || fail
    started=$SECONDS
    /opt/face-edge/current/bin/python "$checkout/tests/service/show_face.py" "${1:-100}" >/run/show.log 2>&1 &
    showing=$!
}

dark() {
    step 'near darkness: a face in 5 % light with shot noise is seen, and read as happy'
    hold_face 5
    waits 180 sees '"people":1,"emotion":"happy"' && ok "$(took)" || fail "$(timeout 20 mosquitto_sub -t 'face-edge/+/state' -C 1)"
    step 'the device says that it is dark'
    waits 60 says_dark && ok "$(face-edge status | sed -n 's/^camera *//p')" || fail "$(face-edge status)"
    step 'its LED is lit, the RGB LED is yellow, every other is dark'
    waits 120 lines_hold "4 17 27 22 19 20" "$HAPPY_LINES" && ok "$found" || fail "$found"
    kill "$showing"; wait "$showing" 2>/dev/null || true
    camera >"$log" 2>&1 || fail
    configure usb:0; systemctl start face-edge
}
says_dark() { face-edge status | grep 'it is dark'; }
HAPPY_LINES='L[19]["share"] > 0.95 and L[17]["share"] > 0.9 and 0.2 < L[27]["share"] < 0.95 and L[22]["share"] == L[20]["share"] == 0'

face() {
    step 'a face before the camera: seen, its expression on the feed'
    hold_face
    waits 180 sees '"people":1,"emotion":"happy"' && ok "$(took)" || fail "$(timeout 20 mosquitto_sub -t 'face-edge/+/state' -C 1)"
    # an emulator that takes a second for a look loses the face between two at times
    step 'its LED is lit, the RGB LED is yellow, every other is dark'
    waits 120 lines_hold "4 17 27 22 19 20" "$HAPPY_LINES" && ok "$found" || fail "$found"
    step 'it goes: nobody, and its LED is dark'
    kill "$showing"; wait "$showing" 2>/dev/null || true
    waits 120 sees '"people":0' || fail
    waits 120 lines_hold "4 19 20 21" 'L[19]["share"] == L[20]["share"] == 0 and L[21]["rises"] > 5' && ok "$found" || fail "$found"
    camera >"$log" 2>&1 || fail
    configure usb:0; systemctl start face-edge
}

vivid=/sys/bus/platform/drivers/vivid
bind_anew() { marked=$(date +%s); echo vivid.0 >"$vivid/unbind"; echo vivid.0 >"$vivid/bind"; }
said() { journalctl -u face-edge --since "@$marked" --no-pager | grep "$1"; }   # since the driver was bound anew
follows() { said 'is at /dev/video1 now'; }
looks_again() { said 'delivers frames again'; }

faults() {
    waits 180 told 'looking at usb:0' || true
    step 'the panel: a short press pauses, the LED breathes, the light flashes'
    pivm-gpio pull 23 down; sleep 0.5; pivm-gpio pull 23 up
    waits 60 is StatusText paused || fail "$(show StatusText)"
    found=$(lines 8 22 24 21)
    holds "$found" 'L[22]["rises"] > 5 and 1 <= L[24]["rises"] <= 6 and L[24]["share"] < 0.3' && ok "$found" || fail
    step 'and another one has it look again'
    pivm-gpio pull 23 down; sleep 0.5; pivm-gpio pull 23 up
    waits 120 told 'looking at usb:0' && ok || fail "$(show StatusText)"

    step 'the camera is unplugged: said, light flashes fast, same process'
    before=$(pid); echo vivid.0 >/sys/bus/platform/drivers/vivid/unbind
    waits 120 told away || fail "$(show StatusText)"
    found=$(lines 5 24); code=0; face-edge status >/dev/null || code=$?
    holds "$found" 'L[24]["rises"] >= 6' && [ "$(pid)" = "$before" ] && [ $code = 5 ] && ok "$found" || fail "exit code $code"
    step 'and plugged in again: it looks again'
    started=$SECONDS; echo vivid.0 >/sys/bus/platform/drivers/vivid/bind
    waits 180 told 'looking at usb:0' && ok "$(took), $( [ "$(pid)" = "$before" ] && echo 'same process' || echo 'another process')" || fail "$(show StatusText)"

    step 'its driver unbound and bound back to back: found again by the same process'
    before=$(pid); started=$SECONDS; bind_anew
    waits 120 looks_again && waits 120 told 'looking at usb:0' && [ "$(pid)" = "$before" ] && ok "$(took), now $(echo /dev/video*)" \
        || fail "$(show StatusText) $(echo /dev/video*)"
    step 'the same while its file is held open: another number, found by the same process'
    started=$SECONDS
    sleep 600 3</dev/video0 & holder=$!
    bind_anew
    waits 60 [ -c /dev/video1 ] && [ ! -e /dev/video0 ] || fail "$(echo /dev/video*)"
    waits 120 follows && waits 120 told 'looking at usb:0' && [ "$(pid)" = "$before" ] && ok "$(took), now $(echo /dev/video*)" \
        || fail "$(show StatusText)"
    step 'and once more, back to its number'
    kill "$holder"; wait "$holder" 2>/dev/null || true
    started=$SECONDS; echo vivid.0 >"$vivid/unbind"; waits 120 told away || fail "$(show StatusText)"
    echo vivid.0 >"$vivid/bind"; waits 60 [ -c /dev/video0 ] || fail "$(echo /dev/video*)"
    waits 120 told 'looking at usb:0' && [ "$(pid)" = "$before" ] && ok "$(took), now $(echo /dev/video*)" || fail "$(show StatusText)"

    step 'SIGKILL: started again, looks again'
    before=$(pid); kill -KILL "$before"; started=$SECONDS
    waits 240 another_pid "$before" && waits 240 told 'looking at usb:0' && ok "$(took)" || fail

    step 'watchdog: a process that stands still is started again'
    mkdir -p /run/systemd/system/face-edge.service.d
    printf '[Service]\nWatchdogSec=10\n' >/run/systemd/system/face-edge.service.d/check.conf
    systemctl daemon-reload; systemctl restart face-edge; waits 120 told 'looking at usb:0' || fail
    before=$(pid); kill -STOP "$before"; started=$SECONDS
    waits 240 another_pid "$before" && waits 240 told 'looking at usb:0' && ok "$(took)" || fail
    journalctl -u face-edge --no-pager -n 40 | grep -i 'watchdog timeout' >/dev/null || fail 'systemd did not tell of the watchdog'
    rm -r /run/systemd/system/face-edge.service.d; systemctl daemon-reload; systemctl restart face-edge

    step 'a mistake in the configuration: the fault is shown in red, twice a second'
    cp /etc/face-edge/config.toml /run/good.toml; sed -i 's/fps = 5/fps = -5/' /etc/face-edge/config.toml
    systemctl restart face-edge 2>/dev/null || true
    waits 120 is ActiveState active face-edge-fault.service || fail
    # it took the configuration apart for its displays alone, and does so anew from a mended one
    sleep 15; found=$(lines 8 17 27 22 19 20)
    holds "$found" 'L[17]["rises"] >= 8 and 0.08 < L[17]["share"] < 0.4 and L[27]["share"] == L[22]["share"] == 0' && ok "$found" || fail
    cp /run/good.toml /etc/face-edge/config.toml; systemctl reset-failed; systemctl start face-edge
    step 'mended: it looks again'
    waits 240 told 'looking at usb:0' && is ActiveState inactive face-edge-fault.service && ok || fail
}

before_cut() {
    step 'before the cut: a session, and 10 markers answered with the broker away'
    waits 240 told 'looking at usb:0' || fail
    systemctl disable --now --quiet mosquitto
    face-edge sessions start 'Over a power cut' >"$log" 2>&1 || fail
    mkdir -p "$kept"; : >"$kept/markers"
    for number in $(seq 10); do
        face-edge sessions mark "mark $number" >"$log" 2>&1 || fail "$number"
        echo "mark $number" >>"$kept/markers"
    done
    face-edge sessions list >"$kept/sessions"
    # this check's own files, not the device's: those have to look after themselves
    sync "$kept/markers" "$kept/sessions"
    sleep 1
    ok
}

again() {
    step 'after the cut: the service runs, the file system mended itself'
    waits 300 told 'looking at usb:0' || fail
    ok "$(dmesg | grep -o 'recovery complete\|orphan cleanup.*' | head -n 1)"
    step 'the session goes on'
    face-edge status >"$log" 2>&1; grep -q 'Over a power cut' "$log" && ok || fail
    step 'its files are whole'
    systemctl stop face-edge   # it alone may read them while it runs
    for file in /var/lib/face-edge/*.sqlite3 /var/lib/face-edge/*/*.sqlite3; do
        [ -e "$file" ] || continue
        said=$(python3 -c 'import sqlite3, sys; print(sqlite3.connect(sys.argv[1]).execute("pragma integrity_check").fetchone()[0])' "$file")
        [ "$said" = ok ] || fail "$file: $said"
    done
    ls /var/lib/face-edge/*damaged* >"$log" 2>&1 && fail 'set aside as damaged' || ok
    step 'every marker that was answered reaches the subscriber, in order'
    systemctl start mosquitto; waits 60 mosquitto_pub -t check -n || fail
    mosquitto_sub -c -i board-check -q 1 -t 'face-edge/+/event' -E
    systemctl start face-edge
    timeout 120 mosquitto_sub -c -i board-check -q 1 -t 'face-edge/+/event' -C 11 >/run/events.json || true
    mosquitto_sub -c -i board-check -q 1 -t 'face-edge/+/event' -W 15 2>/dev/null >>/run/events.json || true
    python3 - "$kept/markers" /run/events.json >"$log" 2>&1 <<'P' && ok "$(cat "$log")" || fail
import json, pathlib, sys
wanted = pathlib.Path(sys.argv[1]).read_text().split("\n")[:-1]
events = [json.loads(line) for line in pathlib.Path(sys.argv[2]).read_text().splitlines()]
told = [event["label"] for event in events if event["type"] == "marker"]
numbers = [event["seq"] for event in events]
print(f"{len(told)} of {len(wanted)} markers, {len(events)} events, numbers {numbers[0]} to {numbers[-1]}")
# one that was not answered any more may be there, too
sys.exit(told[: len(wanted)] != wanted or numbers != list(range(numbers[0], numbers[0] + len(numbers))))
P
    step 'and ends in order'
    face-edge sessions stop >"$log" 2>&1 && face-edge sessions show last >"$log" 2>&1 && ok "$(grep -ci 'mark' "$log") lines on markers" || fail
    systemctl enable --quiet mosquitto
}

readonly_prepare() {
    step 'next start: a root that cannot be written, 8 MB in memory for the state'
    cat >/etc/fstab <<'F'
/dev/vda / ext4 ro,noatime 0 1
tmpfs /tmp tmpfs mode=1777 0 0
tmpfs /var/log tmpfs size=16m 0 0
tmpfs /var/tmp tmpfs size=16m,mode=1777 0 0
tmpfs /var/lib/mosquitto tmpfs size=4m,uid=mosquitto,gid=mosquitto 0 0
tmpfs /var/lib/face-edge tmpfs size=8m,mode=0700,uid=face-edge,gid=face-edge 0 0
F
    sync; ok
}

readonly_() {
    step 'the root cannot be written'
    touch /etc/here 2>"$log" && fail || ok "$(findmnt -no OPTIONS / | cut -d, -f1)"
    step 'the service looks, publishes, keeps a session'
    waits 300 told 'looking at usb:0' || fail
    timeout 120 mosquitto_sub -t 'face-edge/+/state' -C 1 >"$log" || fail
    face-edge sessions start 'In memory' >"$log" 2>&1 && sleep 5 && face-edge sessions stop >"$log" 2>&1 || fail
    face-edge sessions list | grep 'In memory' >/dev/null && ok "$(du -sk /var/lib/face-edge | cut -f1) kB of state" || fail
    step 'SIGKILL: started again'
    before=$(pid); kill -KILL "$before"; started=$SECONDS
    waits 240 another_pid "$before" && waits 240 told 'looking at usb:0' && ok "$(took)" || fail
}

case $stage in
    install) install_ ;;
    whole | works | face | dark | faults | again) "$stage" ;;
    cut) before_cut ;;
    readonly-prepare) readonly_prepare ;;
    readonly) readonly_ ;;
    *) echo "board.sh: no stage $stage" >&2; exit 2 ;;
esac
all_passed
