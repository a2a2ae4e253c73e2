# Sourced by stage.sh and container.sh: the wheels that go onto a device, and the detector's file.
# shellcheck shell=bash disable=SC2154  # PYTHON, checkout: theirs
yunet_name=face_detection_yunet_2023mar.onnx

download() {   # download FOLDER PYTHON-VERSION MACHINE WHAT…: wheels that fit there, and nothing else
    local platforms=(--platform "manylinux2014_$3") minor
    for minor in $(seq 17 36); do platforms+=(--platform "manylinux_2_${minor}_$3"); done
    "$PYTHON" -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: --implementation cp \
        --python-version "$2" "${platforms[@]}" -d "$1" "${@:4}"
}

locked_wheels() {   # locked_wheels FOLDER PYTHON-VERSION MACHINE: has those of the lock and of one extra, by their hashes
    local lock=$checkout/systemd/requirements-$2.txt extra=$checkout/systemd/extras/broker-$2.txt
    mkdir -p "$1/wheels"
    # fetched again where the lock differs from the one that they came by
    if ! cat "$lock" "$extra" | cmp -s - "$1/lock"; then
        download "$1/wheels" "$2" "$3" --require-hashes -r "$lock" -r "$extra" >&2 || return 1
        cat "$lock" "$extra" >"$1/lock"
    fi
}

known_yunet() {   # known_yunet FOLDER: has the detector's file there and prints its name, where this machine has it
    local file=${EDGE_TEST_YUNET:-$checkout/../shared/detectors/$yunet_name}
    rm -f "$1/$yunet_name"
    [ -f "$file" ] || return 0
    install -m 0644 "$file" "$1/$yunet_name"
    printf '%s\n' "$yunet_name"
}

installable() {   # installable FOLDER: what install.sh needs of the checkout, and the wheel of this version
    rm -rf "$1"/{checkout,wheel}
    mkdir -p "$1/checkout/tests"
    cp -r "$checkout/systemd" "$1/checkout/"
    cp -r "$checkout/tests/service" "$1/checkout/tests/"
    "$PYTHON" -m pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir "$1/wheel" "$checkout" >&2
}
