#!/usr/bin/env bash
# Writes requirements-3.11.txt and requirements-3.13.txt anew: what install.sh puts on a device, each file by its hash.
#
#   systemd/lock.sh            newest versions that pyproject.toml allows; wants uv (pip install uv) and pip 26
#   systemd/lock.sh --check    only see that what is locked can be had as wheels for both kinds of machine
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
cd "$here/.."
extras=(pi kiosk video metrics)
machines=(aarch64 x86_64)
glibc=36   # 2.36, Bookworm's; Trixie has 2.41
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

own_bounds() {   # beside those of pyproject.toml
    echo 'backports.strenum<1.3'   # 1.3 says that it is for Pythons before 3.11; uv does not heed that, pip does
    # Raspberry Pi OS' picamera2 for Python 3.11 is built for numpy 1
    if [ "$1" = 3.11 ]; then printf '%s\n' 'numpy<2' 'opencv-python-headless<4.12'; fi
}

lock() {   # python -> one file for all machines, since their pins must not differ
    local python=$1 machine
    own_bounds "$python" >"$work/bounds"
    echo 'hatchling>=1.25' >"$work/build.in"   # with which install.sh makes the package itself, off the network
    for machine in "${machines[@]}"; do
        uv pip compile pyproject.toml "$work/build.in" "${extras[@]/#/--extra=}" -c "$work/bounds" \
            --python-version "$python" --python-platform "$machine-manylinux_2_$glibc" \
            --only-binary :all: --generate-hashes --no-annotate --no-header --no-config --quiet \
            --default-index https://pypi.org/simple -o "$work/$python-$machine"
    done
    if ! cmp "$work/$python-aarch64" "$work/$python-x86_64"; then
        echo "lock.sh: Python $python: the pins differ between the machines" >&2
        exit 1
    fi
    {
        echo "# Made by systemd/lock.sh for Python $python on ${machines[*]}, extras ${extras[*]}. Do not edit."
        cat "$work/$python-aarch64"
    } >"$here/requirements-$python.txt"
}

check() {   # python machine: that a device finds a wheel with the right hash for everything
    local platforms=("--platform=manylinux2014_$2") minor
    for minor in $(seq 17 "$glibc"); do platforms+=("--platform=manylinux_2_${minor}_$2"); done
    python3 -m pip install --quiet --dry-run --ignore-installed --isolated --no-deps --require-hashes \
        --only-binary :all: --implementation cp --python-version "$1" "${platforms[@]}" --target "$work/none" \
        -r "$here/requirements-$1.txt"
    echo "Python $1 on $2: $(grep -c == "$here/requirements-$1.txt") wheels"
}

for python in 3.11 3.13; do
    if [ "${1:-}" != --check ]; then lock "$python"; fi
    for machine in "${machines[@]}"; do check "$python" "$machine"; done
done
