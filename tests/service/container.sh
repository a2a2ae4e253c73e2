#!/usr/bin/env bash
# Has check.sh install the service, break it in every way and take it away again, in a container with Debian 13 (or 12)
# and a systemd of its own. Run as root on an x86-64 or arm64 Debian or Ubuntu:
#
#   apt-get install systemd-container mmdebstrap
#   tests/service/container.sh [trixie | bookworm] [all | promises]
#
# PYTHON (python3) is one with pip. The release is made once and kept, with the wheels, in FOLDER
# (/var/cache/face-edge-check, 0.4 GB a release); what the check does to it is thrown away. Exit code 77 where this
# machine cannot do it: the reason is the last line.
set -euo pipefail
shopt -s inherit_errexit
here=$(cd "$(dirname "$0")" && pwd)
checkout=$(cd "$here/../.." && pwd)
PYTHON=$(command -v "${PYTHON:-python3}")
# shellcheck source=tests/service/wheels.sh
. "$here/wheels.sh"
suite=${1:-trixie} part=${2:-all}
case $suite in bookworm) version=3.11 ;; trixie) version=3.13 ;; *) echo "no release $suite" >&2; exit 2 ;; esac
folder=${FOLDER:-/var/cache/face-edge-check}/$suite
limit_s=${LIMIT_S:-900}
packages=systemd,systemd-sysv,dbus,udev,iproute2,procps,psmisc,python3,python3-venv,mosquitto,mosquitto-clients

cannot() { printf 'cannot run: %s\n' "$*"; exit 77; }
missing=
command -v systemd-nspawn >/dev/null || missing+=' systemd-container'
command -v mmdebstrap >/dev/null || missing+=' mmdebstrap'
[ -z "$missing" ] || cannot "packages are missing: sudo apt-get install$missing"
[ "$(id -u)" = 0 ] || cannot 'a container needs root: sudo make test-service'

base() {   # the release, from the archive that this machine uses
    local mirror=http://deb.debian.org/debian
    [ ! -e "$folder/base/etc/os-release" ] || [ "$(cat "$folder/packages" 2>/dev/null)" != "$packages" ] || return 0
    if grep -q '^ID=debian' /etc/os-release; then
        mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | grep -Ev 'security|updates' | sort -u | head -n 1)
    fi
    rm -rf "$folder/base"
    mmdebstrap --quiet --mode=root --variant=minbase --include="$packages" --aptopt='Apt::Install-Recommends "false"' \
        --dpkgopt=force-unsafe-io --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/doc/*' \
        --dpkgopt='path-exclude=/usr/share/locale/*' "$suite" "$folder/base" "${mirror:-http://deb.debian.org/debian}" \
        || return 1
    printf '%s' "$packages" >"$folder/packages"
}

started=$SECONDS
mkdir -p "$folder"
base || cannot "Debian $suite could not be fetched"
locked_wheels "$folder" "$version" "$(uname -m)" || cannot "the wheels of requirements-$version.txt could not be fetched"
installable "$folder" || cannot "the wheel of this version could not be built"
yunet=$(known_yunet "$folder")
printf 'release and wheels after %d s\n' $((SECONDS - started))

scratch=$(mktemp -d "$folder/run.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
mkdir "$scratch"/{upper,inner,view,out}
touch "$scratch/out/log"
cat >"$scratch/check.service" <<'U'
[Unit]
Description=The check
SuccessAction=poweroff
FailureAction=poweroff
[Service]
Type=exec
WorkingDirectory=/tmp
Environment=PIP_NO_INDEX=1 PIP_FIND_LINKS=/mnt/stage/wheels HOME=/root
ExecStart=/bin/bash /mnt/out/run
U
cat >"$scratch/out/run" <<R
PART=$part bash /mnt/stage/checkout/tests/service/check.sh /mnt/stage/checkout /mnt/stage/wheel/*.whl \\
    ${yunet:+/mnt/stage/$yunet} >/mnt/out/log 2>&1
echo \$? >/mnt/out/code
R

# a mount namespace of its own: nothing is left mounted, whatever happens
cat >"$scratch/boot" <<'B'
set -euo pipefail
base=$1 scratch=$2 stage=$3
mount -t overlay overlay -o "lowerdir=$base,upperdir=$scratch/upper,workdir=$scratch/inner" "$scratch/view"
cp "$scratch/check.service" "$scratch/view/etc/systemd/system/check.service"
ln -s ../check.service "$scratch/view/etc/systemd/system/multi-user.target.wants/check.service"
[ -e "$scratch/view/etc/hosts" ] || printf '127.0.0.1 localhost\n::1 localhost\n' >"$scratch/view/etc/hosts"
options=()
if [ ! -d /run/systemd/system ]; then   # no systemd here that would give it a place among its groups of processes
    if [ "$(stat -f -c %T /sys/fs/cgroup)" != cgroup2fs ]; then
        umount -R /sys/fs/cgroup
        mount -t cgroup2 cgroup2 /sys/fs/cgroup
    fi
    group=/sys/fs/cgroup/face-edge-check-$$
    mkdir "$group"
    echo $$ >"$group/cgroup.procs"
    mount -t tmpfs -o mode=755 tmpfs /run
    options=(--register=no --keep-unit)
    export SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1
fi
exec systemd-nspawn --quiet --directory="$scratch/view" --machine=face-edge-check --private-network --resolv-conf=off \
    --timezone=off --console=pipe --bind-ro="$stage:/mnt/stage" --bind="$scratch/out:/mnt/out" "${options[@]}" --boot
B

tail -f "$scratch/out/log" &
tail=$!
code=0
timeout --kill-after=30 "$limit_s" unshare --mount --propagation private bash "$scratch/boot" "$folder/base" "$scratch" "$folder" \
    </dev/null >"$scratch/console" 2>&1 || code=$?
sleep 1
kill "$tail"
for group in /sys/fs/cgroup/{,*/}face-edge-check-*; do
    if [ -d "$group" ]; then find "$group" -depth -type d -exec rmdir {} + 2>/dev/null || true; fi
done
if [ ! -e "$scratch/out/code" ]; then
    tail -n 20 "$scratch/console"
    # nothing of the check ran: systemd itself did not come up
    [ -s "$scratch/out/log" ] || cannot "a container cannot be started here (exit code $code)"
    printf 'the check did not come to its end within %d s\n' "$limit_s"
    exit 1
fi
printf 'the whole took %d s\n' $((SECONDS - started))
exit "$(cat "$scratch/out/code")"
