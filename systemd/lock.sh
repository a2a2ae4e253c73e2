#!/usr/bin/env bash
# Writes the lock files: what install.sh puts on a device, each file by its hash. requirements-PYTHON.txt has what every
# device gets; extras/NAME-PYTHON.txt has what the extra NAME needs besides (install.sh --extras NAME).
#
#   systemd/lock.sh            newest versions that pyproject.toml allows; wants uv (pip install uv) and pip 26
#   systemd/lock.sh --keep     the versions that are locked already, and what pyproject.toml has asked for since
#   systemd/lock.sh --check    only see that what is locked can be had as wheels for both kinds of machine
set -euo pipefail
shopt -s inherit_errexit

here=$(cd "$(dirname "$0")" && pwd)
cd "$here/.."
extras=(pi kiosk video metrics reports)
further=(parquet broker fleet schema tflite-runtime)
machines=(aarch64 x86_64)
glibc=36   # 2.36, Bookworm's; Trixie has 2.41
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

own_bounds() {   # beside those of pyproject.toml
    echo 'backports.strenum<1.3'   # 1.3 says that it is for Pythons before 3.11; uv does not heed that, pip does
    # Raspberry Pi OS' picamera2 for Python 3.11 is built for numpy 1
    if [ "$1" = 3.11 ]; then printf '%s\n' 'numpy<2' 'opencv-python-headless<4.12'; fi
}

further_for() {   # further_for PYTHON: tflite-runtime has no wheel for later ones
    local extra
    for extra in "${further[@]}"; do
        if [ "$extra" != tflite-runtime ] || [ "$1" = 3.11 ]; then printf '%s\n' "$extra"; fi
    done
}

compile() {   # compile PYTHON BOUNDS OUTPUT EXTRA…: one file for all machines, since their pins must not differ
    local python=$1 bounds=$2 output=$3 machine
    shift 3
    for machine in "${machines[@]}"; do
        cp "$output" "$output.$machine" 2>/dev/null || true   # what it lists already is preferred
        uv pip compile pyproject.toml "$work/build.in" "${@/#/--extra=}" -c "$bounds" \
            --python-version "$python" --python-platform "$machine-manylinux_2_$glibc" \
            --only-binary :all: --generate-hashes --no-annotate --no-header --no-config --quiet \
            --default-index https://pypi.org/simple -o "$output.$machine"
    done
    if ! cmp "$output".*; then
        echo "lock.sh: Python $python: the pins differ between the machines" >&2
        exit 1
    fi
    mv "$output.${machines[0]}" "$output"
    rm "$output".*
}

pins() { grep -oE '^[a-z0-9.-]+==[^ ]+' "$1"; }

beyond() {   # beyond BASE ALL: what only ALL lists, with its hashes
    awk 'NR == FNR { if (/==/) base[$1] = 1; next } /==/ { shown = !($1 in base) } shown' "$1" "$2"
}

head_of() { echo "# Made by systemd/lock.sh for Python $1 on ${machines[*]}, $2. Do not edit."; }

lock() {   # lock PYTHON: all of it is chosen together, so that every extra fits the rest
    local python=$1 extra all=$work/$1.all base=$work/$1.base with
    local others
    mapfile -t others < <(further_for "$python")
    own_bounds "$python" >"$work/bounds"
    echo 'hatchling>=1.25' >"$work/build.in"   # with which install.sh makes the package itself, off the network
    if [ "$keep" = yes ]; then cat "$here/requirements-$python.txt" "$here"/extras/*-"$python.txt" >"$all" 2>/dev/null || true; fi
    compile "$python" "$work/bounds" "$all" "${extras[@]}" "${others[@]}"
    pins "$all" >"$work/pins"
    compile "$python" "$work/pins" "$base" "${extras[@]}"
    { head_of "$python" "extras ${extras[*]}"; cat "$base"; } >"$here/requirements-$python.txt"
    mkdir -p "$here/extras"
    for extra in "${others[@]}"; do
        with=$work/$python.$extra.with
        compile "$python" "$work/pins" "$with" "${extras[@]}" "$extra"
        { head_of "$python" "extra $extra"; beyond "$base" "$with"; } >"$here/extras/$extra-$python.txt"
    done
}

check() {   # check PYTHON MACHINE: that a device finds a wheel with the right hash for everything
    local platforms=("--platform=manylinux2014_$2") files=() minor file
    for minor in $(seq 17 "$glibc"); do platforms+=("--platform=manylinux_2_${minor}_$2"); done
    for file in "$here/requirements-$1.txt" "$here"/extras/*-"$1.txt"; do files+=(-r "$file"); done
    python3 -m pip install --quiet --dry-run --ignore-installed --isolated --no-deps --require-hashes \
        --only-binary :all: --implementation cp --python-version "$1" "${platforms[@]}" --target "$work/none" "${files[@]}"
    echo "Python $1 on $2: $(grep -h == "$here/requirements-$1.txt" "$here"/extras/*-"$1.txt" | sort -u | wc -l) wheels"
}

keep=no
case ${1:-} in
    '' | --check) ;;
    --keep) keep=yes ;;
    *) echo "lock.sh: unknown option $1" >&2; exit 2 ;;
esac
for python in 3.11 3.13; do
    if [ "${1:-}" != --check ]; then lock "$python"; fi
    for machine in "${machines[@]}"; do check "$python" "$machine"; done
done
