#!/usr/bin/env bash
# Writes the lock files: what install.sh puts on a device, each file by its hash. requirements-PYTHON.txt has what every
# device gets; extras/NAME-PYTHON.txt has what the extra NAME needs besides (install.sh --extras NAME).
#
#   systemd/lock.sh            newest versions that pyproject.toml allows; wants uv (pip install uv) and pip 26
#   systemd/lock.sh --keep     the versions that are locked already, and what pyproject.toml has asked for since
#   systemd/lock.sh --check    only see that what is locked can be had as wheels for both kinds of machine, by its hash, and
#                              that none of it was withdrawn ("yanked"); exit code 77 where no index answers
#
# tests/requirements.txt has the development environment, for every Python and system; converter/constraints.txt has the
# versions for `make converter`, without PyTorch, whose builds differ by machine.
# PYTHON is the interpreter whose pip checks (python3).
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

strenum='backports.strenum<1.3'   # 1.3 says that it is for Pythons before 3.11; uv does not heed that, pip does

own_bounds() {   # beside those of pyproject.toml
    echo "$strenum"
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

today=$(date -u +%F)

chosen_on() {   # chosen_on FILE: --keep keeps the date, too
    local before=''
    if [ "$keep" = yes ] && [ -e "$1" ]; then before=$(sed -nE 's/^# Versions chosen on ([0-9-]+)\.$/\1/p' "$1"); fi
    echo "# Versions chosen on ${before:-$today}."
}

head_of() {   # head_of FILE PYTHON WHAT
    echo "# Made by systemd/lock.sh for Python $2 on ${machines[*]}, $3. Do not edit."
    chosen_on "$1"
}

replace() {   # replace FILE: by what comes in, once all of it is there
    cat >"$work/new"
    mv "$work/new" "$1"
    chmod 0644 "$1"
}

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
    with=$here/requirements-$python.txt
    { head_of "$with" "$python" "extras ${extras[*]}"; cat "$base"; } | replace "$with"
    mkdir -p "$here/extras"
    for extra in "${others[@]}"; do
        with=$work/$python.$extra.with
        compile "$python" "$work/pins" "$with" "${extras[@]}" "$extra"
        { head_of "$here/extras/$extra-$python.txt" "$python" "extra $extra"; beyond "$base" "$with"; } \
            | replace "$here/extras/$extra-$python.txt"
    done
}

lock_development() {   # one file for every Python and system, with markers
    local file=tests/requirements.txt
    echo "$strenum" >"$work/bounds"
    echo 'editables>=0.5' >"$work/build.in"   # with which hatchling installs a checkout
    if [ "$keep" = yes ]; then cp "$file" "$work/development" 2>/dev/null || true; fi
    uv pip compile pyproject.toml "$work/build.in" --extra=dev -c "$work/bounds" --universal --python-version 3.11 \
        --generate-hashes --no-annotate --no-header --no-config --quiet \
        --default-index https://pypi.org/simple -o "$work/development"
    {
        echo '# Made by systemd/lock.sh: the development environment (extra dev), for every Python. Do not edit.'
        chosen_on "$file"
        cat "$work/development"
    } | replace "$file"
}

lock_converter() {   # versions alone: pip searches for a set that fits for hours where newer ones are installed already
    local file=converter/constraints.txt
    echo "$strenum" >"$work/bounds"
    if [ "$keep" = yes ]; then cp "$file" "$work/converter" 2>/dev/null || true; fi
    uv pip compile pyproject.toml --extra=dev --extra=converter --extra=backbones -c "$work/bounds" --universal \
        --python-version 3.11 --no-annotate --no-header --no-config --quiet \
        --default-index https://pypi.org/simple -o "$work/converter"
    {
        echo '# Made by systemd/lock.sh: versions for `make converter`, for every Python. Do not edit.'
        chosen_on "$file"
        grep -vE '^(torch|triton|(cuda|nvidia)[a-z0-9-]*)==' "$work/converter"
    } | replace "$file"
}

asked() {   # asked OPTION…: what pip says of pinned files, which stay where they are
    local code=0
    "$python" -m pip install --quiet --dry-run --ignore-installed --isolated --no-deps --require-hashes \
        --report "$work/report.json" "$@" 2>"$work/said" >/dev/null || code=$?
    if [ "$code" != 0 ]; then
        # an index that cannot be reached is no answer; one that does not have a file is
        if "$python" - "$index" <<<"$reachable"; then grep -v '^WARNING' "$work/said" >&2; exit 1; fi
        echo "lock.sh: $index does not answer" >&2
        exit 77
    fi
    "$python" - "$work/report.json" <<<"$yanked"
}

check_development() {   # its markers hold for the Python that is asked
    asked -r tests/requirements.txt
    echo "development: $(grep -c == tests/requirements.txt) pins"
}

check() {   # check PYTHON MACHINE: that a device finds a wheel with the right hash for everything
    local platforms=("--platform=manylinux2014_$2") files=() minor file
    for minor in $(seq 17 "$glibc"); do platforms+=("--platform=manylinux_2_${minor}_$2"); done
    for file in "$here/requirements-$1.txt" "$here"/extras/*-"$1.txt"; do files+=(-r "$file"); done
    asked --only-binary :all: --implementation cp --python-version "$1" "${platforms[@]}" --target "$work/none" "${files[@]}"
    echo "Python $1 on $2: $(grep -h == "$here/requirements-$1.txt" "$here"/extras/*-"$1.txt" | sort -u | wc -l) wheels"
}

index=https://pypi.org/simple/
reachable='
import sys, urllib.error, urllib.request
try:
    urllib.request.urlopen(sys.argv[1] + "pip/", timeout=20).close()
except urllib.error.HTTPError:
    pass
except OSError:
    sys.exit(1)
'
yanked='
import json, sys
found = [each for each in json.load(open(sys.argv[1]))["install"] if each.get("is_yanked")]
names = ["{name} {version}".format(**each["metadata"]) for each in found]
if names:
    sys.exit("lock.sh: withdrawn from the index: " + ", ".join(names))
'
python=${PYTHON:-python3}
keep=no
case ${1:-} in
    '' | --check) ;;
    --keep) keep=yes ;;
    *) echo "lock.sh: unknown option $1" >&2; exit 2 ;;
esac
for each in 3.11 3.13; do
    if [ "${1:-}" != --check ]; then lock "$each"; fi
    for machine in "${machines[@]}"; do check "$each" "$machine"; done
done
if [ "${1:-}" != --check ]; then lock_development; lock_converter; fi
check_development
