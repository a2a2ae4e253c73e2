#!/usr/bin/env bash
# Proves the installed device on a virtual arm64 board (Debian 13, "Raspberry Pi 4 Model B", camera, GPIO chip): board.sh's
# stages inside, power cuts from outside. Run as root on an x86-64 Debian, with pivm's scripts in PIVM_DIR:
#
#   PIVM_DIR=/srv/pivm tests/service/vm.sh [STAGE…]      all stages unless told; `start` begins with a fresh board
#
# PYTHON (python3) is this machine's, with face-edge and pip; NICE ("nice -n 5") goes before what takes long. The board's
# image is made once and kept; a copy of it is what is installed to. A power cut is SIGKILL to the emulator.
set -euo pipefail
shopt -s inherit_errexit
# shellcheck source=tests/service/stage.sh
. "$(dirname "$0")/stage.sh"
export PIVM_DIR NICE=${NICE:-nice -n 5}
name=face-edge-board
root=$PIVM_DIR/rootfs-trixie-arm64-vm image=$PIVM_DIR/board.img copy=$PIVM_DIR/run/$name.img
folder=$PIVM_DIR/stage-3.13

image() {   # the board as it comes from the factory
    [ -e "$root/etc/os-release" ] || "$PIVM_DIR/make-rootfs.sh" --suite trixie --arch arm64 --profile vm --out "$root"
    compgen -G "$root/lib/modules/*/extra/gpio-sim.ko" >/dev/null || "$here/parts.sh" "$root"
    [ -e "$image" ] || "$PIVM_DIR/make-rootfs.sh" --suite trixie --arch arm64 --profile vm --out "$root" \
        --image "$image" --size 4G
}
boot() {
    KERNEL=$image.vmlinuz INITRD=$image.initrd "$PIVM_DIR/boot.sh" "$copy" --name "$name" --keep --share "$folder" \
        --timeout "${BOOT_S:-900}" "$@"
}
pull_the_plug() {
    kill -KILL "$(cat "$PIVM_DIR/run/$name/pid")"
    rm -f "$PIVM_DIR/run/$name/pid"
    printf '== power cut\n'
}
inside() {
    printf '\n%s\n' "$1"
    "$PIVM_DIR/run-in-vm.sh" --name "$name" "bash /host/checkout/tests/service/board.sh $1 /host"
}

[ $# -gt 0 ] || set -- start install works face dark faults cut readonly
for each in "$@"; do
    case $each in
        start)
            image
            folder=$(stage 3.13)
            mkdir -p "$PIVM_DIR/run"
            cp --sparse=always "$image" "$copy"
            boot
            ;;
        install) inside install; pull_the_plug; boot; inside whole ;;
        works | face | dark | faults) inside "$each" ;;
        cut) inside cut; pull_the_plug; boot; inside again ;;
        readonly) inside readonly-prepare; "$PIVM_DIR/stop.sh" "$name"; boot --append ro; inside readonly ;;
        *) echo "vm.sh: no stage $each" >&2; exit 2 ;;
    esac
done
printf '\nall stages passed\n'
