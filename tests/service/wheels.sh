# Sourced by stage.sh and container.sh: the wheels that go onto a device.
# shellcheck shell=bash disable=SC2154  # PYTHON, checkout: theirs

download() {   # download FOLDER PYTHON-VERSION MACHINE WHAT…: wheels that fit there, and nothing else
    local platforms=(--platform "manylinux2014_$3") minor
    for minor in $(seq 17 36); do platforms+=(--platform "manylinux_2_${minor}_$3"); done
    "$PYTHON" -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: --implementation cp \
        --python-version "$2" "${platforms[@]}" -d "$1" "${@:4}"
}

locked_wheels() {   # locked_wheels FOLDER PYTHON-VERSION MACHINE: has those of the lock, by their hashes
    mkdir -p "$1/wheels"
    # fetched again where the lock differs from the one that they came by
    if ! cmp -s "$checkout/systemd/requirements-$2.txt" "$1/lock"; then
        download "$1/wheels" "$2" "$3" --require-hashes -r "$checkout/systemd/requirements-$2.txt" >&2 \
            || return 1
        cp "$checkout/systemd/requirements-$2.txt" "$1/lock"
    fi
}

installable() {   # installable FOLDER: what install.sh needs of the checkout, and the wheel of this version
    rm -rf "$1"/{checkout,wheel}
    mkdir -p "$1/checkout/tests"
    cp -r "$checkout/systemd" "$1/checkout/"
    cp -r "$checkout/tests/service" "$1/checkout/tests/"
    "$PYTHON" -m pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir "$1/wheel" "$checkout" >&2
}
