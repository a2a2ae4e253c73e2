#!/usr/bin/env bash
# Installs the device into arm64 roots of Raspberry Pi OS' two releases (Debian's, in fact), has it work there, and holds
# its answers against this machine's. Run as root on an x86-64 Debian, with pivm's scripts in PIVM_DIR:
#
#   PIVM_DIR=/srv/pivm tests/service/arm64.sh [bookworm] [trixie]
#
# PYTHON (python3) is this machine's, with face-edge and pip; NICE ("nice -n 5") goes before what takes long. Roots and
# wheels are made once and kept; what is installed goes into a view of the root that is thrown away. Emulated (qemu-user):
# sizes and answers mean something, times do not.
# shellcheck disable=SC2015  # ok never fails
set -euo pipefail
shopt -s inherit_errexit
# shellcheck source=tests/service/stage.sh
. "$(dirname "$0")/stage.sh"
export PIVM_DIR NICE=${NICE:-nice -n 5}
[ $# -gt 0 ] || set -- bookworm trixie

for suite in "$@"; do
    case $suite in bookworm) version=3.11 ;; trixie) version=3.13 ;; *) echo "no suite $suite" >&2; exit 2 ;; esac
    root=$PIVM_DIR/rootfs-$suite-arm64-vm   # vm.sh's, where it is there: it holds all that the smaller one holds
    [ -e "$root/etc/os-release" ] || root=$PIVM_DIR/rootfs-$suite-arm64-app
    [ -e "$root/etc/os-release" ] || "$PIVM_DIR/make-rootfs.sh" --suite "$suite" --arch arm64 --profile app --out "$root"
    folder=$(stage "$version")
    view=$("$PIVM_DIR/overlay.sh" "$root" "arm64-$suite")
    printf '\n%s, Python %s\n' "$suite" "$version"
    code=0   # a network of its own, so that its broker and ours do not meet
    # shellcheck disable=SC2016
    PIVM_BIND=$folder unshare --net sh -c 'ip link set lo up; exec "$0" "$@"' \
        "$PIVM_DIR/in-chroot.sh" "$view" bash /mnt/host/checkout/tests/service/root.sh /mnt/host \
        ${INSTALLED:+installed} || code=$?
    # a view that failed stays, to look into; INSTALLED=yes goes on in it without installing again
    [ $code = 0 ] || exit 1
    "$PIVM_DIR/overlay.sh" -d "arm64-$suite"
done
