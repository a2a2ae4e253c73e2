#!/usr/bin/env bash
# Runs both loops of the bench on emulated cores of three Raspberry Pis: holds what they see against this machine's, and
# counts instructions by stage. On an x86-64 Debian 12, with an arm64 root of pivm's in PIVM_DIR (as arm64.sh has it):
#
#   apt-get install qemu-user gcc unzip
#   PIVM_DIR=/srv/pivm tests/service/count.sh [cortex-a53] [cortex-a72] [cortex-a76]
#
# FRAMES (300) of the bench's clip; OBVIOUS (6) of them for the obvious loop; PYTHON (python3) is this machine's, with
# face-edge; OUT (a temporary folder) keeps what was found. QEMU must be one that loads plug-ins of version 1: the one of
# qemu-user in Debian 12 (7.2) does; qemu-user-static does not, nor does Debian 13's. Nothing is mounted, root is not
# needed. Three minutes a core, four times as many on a busy machine.
set -euo pipefail
shopt -s inherit_errexit
# shellcheck source=tests/service/stage.sh
. "$(dirname "$0")/stage.sh"
QEMU=$(command -v "${QEMU:-qemu-aarch64}" || true)
frames=${FRAMES:-300}
obvious=${OBVIOUS:-6}
root=${ROOT:-$PIVM_DIR/rootfs-bookworm-arm64-app}
[ $# -gt 0 ] || set -- cortex-a53 cortex-a72 cortex-a76

# not grep -q: QEMU would write its help into a pipe that has gone
if [ -z "$QEMU" ] || ! "$QEMU" -h | grep -e '^-plugin' >/dev/null; then
    echo "no QEMU that takes plug-ins: apt-get install qemu-user on Debian 12, or QEMU=/path/of/qemu-aarch64" >&2
    exit 2
fi
[ -e "$root/usr/bin/python3.11" ] || { echo "no arm64 root with Python 3.11 in $root: make-rootfs.sh --suite bookworm --arch arm64 --profile app" >&2; exit 2; }

out=${OUT:-$(mktemp -d)}
mkdir -p "$out/prefix/proc" "$out/site" "$out/home"
gcc -shared -fPIC -O2 -o "$out/count_stages.so" "$here/count_stages.c"

# the same locked wheels as an installation's; the emulator needs no more of them than to lie in a folder
stage=$(locked 3.11)
for wheel in "$stage"/wheels/*.whl; do unzip -qo "$wheel" -d "$out/site"; done

# where a file lies under its prefix QEMU opens that one. /proc/cpuinfo must: without one of Arm's the library that
# looks for the processor's kind (cpuinfo, in LiteRT) follows a null pointer, and by it chooses what to multiply with.
for folder in usr lib etc bin; do ln -sfn "$root/$folder" "$out/prefix/$folder"; done
cpuinfo() {   # cpuinfo PART: four cores of it
    local core
    for core in 0 1 2 3; do
        printf 'processor\t: %s\nBogoMIPS\t: 108.00\nFeatures\t: fp asimd evtstrm crc32 cpuid\n' "$core"
        printf 'CPU implementer\t: 0x41\nCPU architecture: 8\nCPU variant\t: 0x0\nCPU part\t: %s\nCPU revision\t: 3\n\n' "$1"
    done
}

export PYTHONPATH=$checkout OMP_NUM_THREADS=1
"$PYTHON" -m tests.bench.count --reel "$out/clip.bgr" --frames "$frames"
"$PYTHON" -m tests.bench.counted "$out/clip.bgr" --obvious "$obvious" >"$out/here.json"

for core in "$@"; do
    case $core in
        cortex-a53) part=0xd03 ;; cortex-a72) part=0xd08 ;; cortex-a76) part=0xd0b ;;
        *) echo "no core $core: cortex-a53, cortex-a72 or cortex-a76" >&2; exit 2 ;;
    esac
    cpuinfo "$part" >"$out/prefix/proc/cpuinfo"
    env -i PATH=/usr/bin HOME="$out/home" PYTHONPATH="$out/site:$checkout" PYTHONDONTWRITEBYTECODE=1 OMP_NUM_THREADS=1 \
        "$QEMU" -cpu "$core" -plugin "$out/count_stages.so,out=$out/$core.txt" -L "$out/prefix" \
        "$out/prefix/usr/bin/python3.11" -m tests.bench.counted "$out/clip.bgr" --obvious "$obvious" \
        >"$out/$core.json" 2>"$out/$core.log" || { tail -n 5 "$out/$core.log" >&2; exit 1; }
    printf '\n%s\n' "$core"
    "$PYTHON" -m tests.bench.count --counts "$out/$core.txt"
    "$PYTHON" -m tests.bench.count --answers "$out/here.json" "$out/$core.json"
done
printf '\nkept in %s\n' "$out"
