#!/bin/sh
# Runs a program in the userland of another Debian, with these folders at the places that they have outside:
#
#   debian.sh BASE FOLDER:FOLDER:... PROGRAM [ARGUMENT ...]
#
# Nothing stays mounted: the mounts are in a namespace that ends with the program.
set -eu
if [ -z "${FACE_EDGE_OWN_MOUNTS-}" ]; then
    FACE_EDGE_OWN_MOUNTS=1 exec unshare --mount --propagation private "$0" "$@"
fi
base=$1
folders=$2
shift 2
old_ifs=$IFS
IFS=:
for folder in $folders /etc/ssl; do
    mkdir -p "$base$folder"
    mount --bind "$folder" "$base$folder"
done
IFS=$old_ifs
[ -e "$base/etc/resolv.conf" ] || : >"$base/etc/resolv.conf"
mount --bind /etc/resolv.conf "$base/etc/resolv.conf"
mount -t proc proc "$base/proc"
exec chroot "$base" "$@"
