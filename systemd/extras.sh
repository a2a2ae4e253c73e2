# Sourced by install.sh: which extras of the package are installed, and from which lock files; and the copy of the
# installer that each release keeps, so that a device can be changed without the checkout that it came from.
# shellcheck shell=bash disable=SC2154  # here, wheel, locked: install.sh's
extras_file=/etc/face-edge/extras   # added extras, one per line, which every upgrade installs again
added_extras=()

locks_of() {   # locks_of PYTHON, or '*': the extras that can be added
    { compgen -G "$here/extras/*-$1.txt" || true; } | sed -E 's|.*/||; s/-[0-9.]+\.txt$//' | sort -u
}

choose_extras() {   # choose_extras PYTHON NAMES FORGET: added_extras is what was chosen before, and NAMES
    local python=$1 names=${2//,/ } name known chosen=''
    if [ "$3" = no ] && [ -r "$extras_file" ]; then chosen=$(cat "$extras_file"); fi
    known=$(locks_of "$python")
    if [ ! -e "$here/requirements-$python.txt" ]; then known=$(locks_of '*'); fi
    for name in $names; do
        if [[ ,$locked,displays,models, == *,$name,* ]]; then continue; fi   # installed on every device
        grep -qxF -- "$name" <<<"$known" \
            || die "there is no extra '$name' for Python $python; available are: $(xargs <<<"$known")"
    done
    for name in $chosen $names; do
        # an extra chosen for another Python or an older version may no longer be available
        if grep -qxF -- "$name" <<<"$known" && [[ " ${added_extras[*]} " != *" $name "* ]]; then added_extras+=("$name"); fi
    done
}

remember_extras() {
    if [ ${#added_extras[@]} = 0 ]; then rm -f "$extras_file"; return; fi
    install -d -m 0755 "${extras_file%/*}"
    printf '%s\n' "${added_extras[@]}" >"$extras_file.new"
    chmod 0644 "$extras_file.new"
    mv "$extras_file.new" "$extras_file"
}

all_extras() { local IFS=,; printf '%s' "$locked${added_extras[*]:+,${added_extras[*]}}"; }

own_wheel() { compgen -G "$here/face_edge-*.whl" | head -n 1; }   # beside a copy of the installer

packaged() {   # packaged RELEASE: keeps installer and wheel in it, installs the wheel's own package
    local python=$1/bin/python source=${wheel:-$(own_wheel || true)}
    mkdir -p "$1/installer"
    cp -r "$here"/. "$1/installer/"
    rm -f "$1"/installer/face_edge-*.whl
    if [ -n "$source" ]; then cp "$source" "$1/installer/"; else
        "$python" -m pip wheel --quiet --no-deps --no-index --no-build-isolation --wheel-dir "$1/installer" "$here/.."
    fi
    "$python" -m pip install --quiet --no-deps --no-index "$1"/installer/face_edge-*.whl
}

install_packages() {   # install_packages RELEASE PYTHON: the package and all that it needs
    local lock=$here/requirements-$2.txt extra files=()
    if [ -e "$lock" ]; then   # only locked packages, and no third-party build code runs
        files=(-r "$lock")
        for extra in "${added_extras[@]}"; do files+=(-r "$here/extras/$extra-$2.txt"); done
        "$1/bin/python" -m pip install --quiet --require-hashes --only-binary :all: "${files[@]}"
        packaged "$1"
    else
        say "no locked versions for Python $2: installing the newest compatible ones"
        "$1/bin/python" -m pip install --quiet 'hatchling>=1.25'
        packaged "$1"
        "$1/bin/python" -m pip install --quiet "$(compgen -G "$1/installer/face_edge-*.whl")[$(all_extras)]"
    fi
}
