#!/usr/bin/env bash
# Writes the lock files for install.sh, each package by its hash. requirements-PYTHON.txt is for every device;
# extras/NAME-PYTHON.txt has the additional packages of the extra NAME (install.sh --extras NAME).
#
#   systemd/lock.sh            newest versions that pyproject.toml allows; needs uv (pip install uv) and pip 26
#   systemd/lock.sh --keep     keep locked versions and add new requirements of pyproject.toml
#   systemd/lock.sh --check    only check that the locked versions are available by hash as wheels for both machines,
#                              and that none is yanked; exit code 77 if no index answers
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

strenum='backports.strenum<1.3'   # 1.3 requires a Python before 3.11, which pip respects and uv does not

own_bounds() {   # in addition to those of pyproject.toml
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
        cp "$output" "$output.$machine" 2>/dev/null || true   # its versions are preferred
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

beyond() {   # beyond BASE ALL: packages that only ALL lists, with their hashes
    awk 'NR == FNR { if (/==/) base[$1] = 1; next } /==/ { shown = !($1 in base) } shown' "$1" "$2"
}

today=$(date -u +%F)

chosen_on() {   # chosen_on FILE: --keep also keeps the date
    local before=''
    if [ "$keep" = yes ] && [ -e "$1" ]; then before=$(sed -nE 's/^# Versions chosen on ([0-9-]+)\.$/\1/p' "$1"); fi
    echo "# Versions chosen on ${before:-$today}."
}

head_of() {   # head_of FILE PYTHON WHAT
    echo "# Made by systemd/lock.sh for Python $2 on ${machines[*]}, $3. Do not edit."
    chosen_on "$1"
}

replace() {   # replace FILE: with standard input, once it is complete
    cat >"$work/new"
    mv "$work/new" "$1"
    chmod 0644 "$1"
}

lock() {   # lock PYTHON: all versions are resolved together, so that extras are compatible
    local python=$1 extra all=$work/$1.all base=$work/$1.base with
    local others
    mapfile -t others < <(further_for "$python")
    own_bounds "$python" >"$work/bounds"
    echo 'hatchling>=1.25' >"$work/build.in"   # with which install.sh builds the package itself offline
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

lock_converter() {   # only versions: with newer ones installed, pip would search a compatible set for hours
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

asked() {   # asked OPTION…: pip's answer about pinned files, without downloading them
    local code=0
    "$python" -m pip install --quiet --dry-run --ignore-installed --isolated --no-deps --require-hashes \
        --report "$work/report.json" "$@" 2>"$work/said" >/dev/null || code=$?
    if [ "$code" != 0 ]; then
        # an unreachable index is not an answer; a missing file is
        if "$python" - "$index" <<<"$reachable"; then grep -v '^WARNING' "$work/said" >&2; exit 1; fi
        echo "lock.sh: $index does not answer" >&2
        exit 77
    fi
    "$python" - "$work/report.json" <<<"$yanked"
}

check_development() {   # its markers apply to the Python that checks
    asked -r tests/requirements.txt
    echo "development: $(grep -c == tests/requirements.txt) pins"
}

check() {   # check PYTHON MACHINE: a wheel with the right hash is available for every package
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
