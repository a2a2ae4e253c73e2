#!/usr/bin/env bash
# Makes the parts of the virtual board that neither Debian nor PyPI has for it, and puts them into its root: the module
# gpio-sim (Debian's kernels leave it out) and lgpio for Python 3.13 (on a Pi: apt install python3-lgpio). Run as root:
#
#   PIVM_DIR=/srv/pivm tests/service/parts.sh ROOT
#
# Both come from published sources, Debian's linux-source and PyPI's lgpio by its hash, through the cross compiler of
# Debian 13 in a throw-away view of an amd64 root: a minute or two, where an emulated compiler takes ten times as long.
set -euo pipefail
shopt -s inherit_errexit
: "${PIVM_DIR:?say where pivm lies: PIVM_DIR=/srv/pivm $0}"
root=$(readlink -f "$1")
native=$PIVM_DIR/rootfs-trixie-amd64-app
lgpio=(lgpio==0.2.2.0 --hash=sha256:11372e653b200f76a0b3ef8a23a0735c85ec678a9f8550b9893151ed0f863fff)
kernel=$(basename "$root"/lib/modules/*-arm64)
release=${kernel%-arm64}
series=$(cut -d. -f1,2 <<<"$release")
inside() { "$PIVM_DIR/in-chroot.sh" "$view" "$@"; }

[ -e "$native/etc/os-release" ] || "$PIVM_DIR/make-rootfs.sh" --suite trixie --arch amd64 --profile app --out "$native"
view=$("$PIVM_DIR/overlay.sh" "$native" parts)
trap '"$PIVM_DIR/overlay.sh" -d parts' EXIT
inside dpkg --add-architecture arm64
inside apt-get update -qq
inside apt-get install -qq --no-install-recommends gcc-14-aarch64-linux-gnu libc6-dev-arm64-cross make swig kmod \
    python3-pip python3-setuptools "linux-kbuild-$release" >/dev/null
mkdir -p "$view/work"
inside sh -c "cd /work && apt-get download -qq linux-headers-$kernel:arm64 linux-headers-$release-common \
    linux-source-$series libpython3.13-dev:arm64 2>/dev/null"

# the module, with the tools of the very release that it is for
for package in "$view"/work/linux-headers-*.deb; do dpkg -x "$package" "$view"; done
dpkg -x "$view"/work/libpython3.13-dev_*.deb "$view/work/python"
dpkg --fsys-tarfile "$view/work/linux-source-${series}"_*.deb | tar xO "./usr/src/linux-source-$series.tar.xz" \
    | xz -dc | tar x -C "$view/work" "linux-source-$series/drivers/gpio/gpio-sim.c" "linux-source-$series/kernel/irq/irq_sim.c"
mkdir -p "$view/work/sim"
cp "$view/work/linux-source-$series/drivers/gpio/gpio-sim.c" "$view/work/sim/gpio-sim-main.c"
# both sources make one module; it may not call irq_to_desc(), and need not: this does the same
sed -e '/EXPORT_SYMBOL/d' -e '/^MODULE_/d' \
    -e 's/handle_simple_irq(irq_to_desc(irqnum));/generic_handle_irq_safe(irqnum);/' \
    "$view/work/linux-source-$series/kernel/irq/irq_sim.c" >"$view/work/sim/irq_sim.c"
printf 'obj-m := gpio-sim.o\ngpio-sim-y := gpio-sim-main.o irq_sim.o\n' >"$view/work/sim/Makefile"
ln -sf aarch64-linux-gnu-gcc-14 "$view/usr/bin/aarch64-linux-gnu-gcc"
inside make --silent -C "/usr/src/linux-headers-$kernel" ARCH=arm64 CROSS_COMPILE=aarch64-linux-gnu- M=/work/sim modules
install -D -m 0644 "$view/work/sim/gpio-sim.ko" "$root/lib/modules/$kernel/extra/gpio-sim.ko"
mkdir -p "$view/work/tree/lib"
cp -r "$root/lib/modules" "$view/work/tree/lib/modules"
inside depmod -b /work/tree "$kernel"
cp "$view/work/tree/lib/modules/$kernel"/modules.* "$root/lib/modules/$kernel/"

# lgpio as its author makes it for PyPI: the C library within the module
printf '%s ' "${lgpio[@]}" >"$view/work/lgpio.txt"
inside python3 -m pip download --quiet --no-deps --no-binary :all: --no-build-isolation --require-hashes \
    -d /work -r /work/lgpio.txt
tar xzf "$view"/work/lgpio-*.tar.gz -C "$view/work"
inside sh -c 'cd /work/lgpio-* && swig -python -Isrc -o wrap.c lgpio.i && aarch64-linux-gnu-gcc-14 -O2 -fPIC -shared \
    -pthread -w -Isrc -I/work/python/usr/include -I/work/python/usr/include/python3.13 \
    -o _lgpio.cpython-313-aarch64-linux-gnu.so wrap.c src/lg*.c src/rgpiod.c -lrt -ldl'
packages=$root/usr/lib/python3/dist-packages
install -m 0644 "$view"/work/lgpio-*/lgpio.py "$view"/work/lgpio-*/_lgpio.*.so "$packages/"
install -D -m 0644 "$(echo "$view"/work/lgpio-*/PKG-INFO)" "$packages/lgpio-0.2.2.0.egg-info/PKG-INFO"
printf 'gpio-sim for %s and lgpio are in %s\n' "$kernel" "$root"
