#!/usr/bin/env bash
# Installs FACE Edge as a service on Raspberry Pi OS or Debian (Bookworm, Trixie; 64 bit), upgrades it, removes it.
#
#   sudo systemd/install.sh                    install or upgrade from this checkout
#   sudo systemd/install.sh --wheel FILE       ... from a wheel
#   sudo systemd/install.sh --broker           ... and a broker for this machine: Debian's Mosquitto in a sandbox
#   sudo systemd/install.sh --kiosk            ... and the wall page full screen on this machine's screen (no desktop)
#   sudo systemd/install.sh --extras NAMES     ... and more packages: parquet, broker, fleet, schema, tflite-runtime
#   sudo systemd/install.sh --no-extras        ... without previously added ones
#   sudo systemd/install.sh --no-yunet         ... without downloading the YuNet face detector (233 kB)
#   sudo systemd/install.sh --yunet FILE       ... with it from a file, on a machine without a network
#   sudo systemd/install.sh --no-start         ... into a system that is not running, as in a chroot that prepares
#                                              the image of a card: everything starts with the board
#   sudo systemd/install.sh --rollback         go back to the version before the one in use
#   sudo systemd/install.sh --uninstall        remove everything except /etc/face-edge and /var/lib/face-edge
#   sudo systemd/install.sh --uninstall --purge   ... including these and the drop-ins of its units
#   sudo systemd/install.sh --uninstall --retire  ... after removing the device from its MQTT broker and Home Assistant;
#                                              asks on a terminal; --no-retire skips this
#
# Another run changes only what differs, and keeps the choices of broker, wall page, extras and detector. Each version
# has its own environment below /opt/face-edge/releases; a new one that does not become healthy is replaced by the
# previous one. Configuration and data are kept. Each version contains a copy of this installer, so that
# sudo /opt/face-edge/current/installer/install.sh does all of the above without a checkout.
set -euo pipefail
shopt -s inherit_errexit

here=$(cd "$(dirname "$0")" && pwd -P)
root=/opt/face-edge
units=(face-edge.service face-edge-fault.service)
locked=pi,kiosk,video,metrics,reports   # extras in requirements-*.txt, written by lock.sh
extras='' forget_extras=no retire=ask
wheel='' action=install purge=no apt=yes start=yes broker=no kiosk=no yunet=yes yunet_file=''

die() { printf 'install.sh: %s\n' "$*" >&2; exit 1; }
say() { printf '== %s\n' "$*"; }
why() {   # why UNIT: the end of its log once its failure is in it; on a busy disk the journal is late
    local said='' tries
    for tries in 1 2 3 4 5; do
        said=$(journalctl -u "$1" -n 12 --no-pager -o cat 2>/dev/null) || true
        if [[ $said == *'Failed with result'* ]]; then break; fi
        sleep "$tries"
    done
    printf '%s\n' "$said" >&2
}
# shellcheck source=systemd/parts.sh
. "$here/parts.sh"
# shellcheck source=systemd/upgrade.sh
. "$here/upgrade.sh"
# shellcheck source=systemd/extras.sh
. "$here/extras.sh"
# shellcheck source=systemd/uninstall.sh
. "$here/uninstall.sh"

while [ $# -gt 0 ]; do
    case $1 in
        --wheel)
            wheel=$(readlink -f "${2:?--wheel wants a file}")
            [ -f "$wheel" ] || die "there is no wheel $2"
            shift
            ;;
        --extras) extras+=,${2:?--extras wants names}; shift ;;
        --no-extras) forget_extras=yes ;;
        --broker) broker=yes ;;
        --kiosk) kiosk=yes ;;
        --no-yunet) yunet=no ;;
        --yunet)
            yunet_file=$(readlink -f "${2:?--yunet wants a file}")
            [ -f "$yunet_file" ] || die "there is no file $2"
            shift
            ;;
        --rollback) action=rollback ;;
        --uninstall) action=uninstall ;;
        --purge) purge=yes ;;
        --retire) retire=yes ;;
        --no-retire) retire=no ;;
        --no-apt) apt=no ;;
        --no-start) start=no; export SYSTEMD_OFFLINE=1 ;;   # systemctl then edits files only, also in a container
        -h | --help) sed -n '2,/^set /s/^#\( \|$\)//p' "$0"; exit 0 ;;
        *) die "unknown option $1; see --help" ;;
    esac
    shift
done
[ "$(id -u)" = 0 ] || die "must run as root: sudo $0"
command -v systemctl >/dev/null || die "systemd is required"
# earlier choices are kept
if [ -e "$broker_unit" ]; then broker=yes; fi
if [ -e "$wall_unit" ]; then kiosk=yes; fi
if [ -e "$without_yunet" ]; then yunet=no; fi
if [ -n "$yunet_file" ]; then yunet=yes; fi
if [ "$kiosk" = yes ]; then units+=(face-edge-kiosk.service); fi

packages() {
    local wanted=(python3-venv) package
    # a new card has no package lists yet
    compgen -G '/var/lib/apt/lists/*Packages*' >/dev/null || fresh_lists
    # camera and GPIO packages of a Raspberry Pi come from apt if available
    for package in python3-picamera2 python3-lgpio python3-spidev; do
        if in_apt "$package"; then wanted+=("$package"); fi
    done
    if [ "$broker" = yes ]; then wanted+=(mosquitto); fi
    apt_install "${wanted[@]}"
    if [ "$kiosk" = yes ]; then wall_packages; fi
}

accounts() {
    install -D -m 0644 "$here/face-edge.sysusers" /usr/lib/sysusers.d/face-edge.conf
    systemd-sysusers /usr/lib/sysusers.d/face-edge.conf
    install -D -m 0644 "$here/face-edge.rules" /usr/lib/udev/rules.d/60-face-edge.rules
    if udevadm control --reload 2>/dev/null; then udevadm trigger --subsystem-match=gpio --subsystem-match=spidev \
        --subsystem-match=i2c-dev --subsystem-match=dma_heap 2>/dev/null || true; fi
}

configuration() {   # creates the first one; an existing one belongs to the operator
    local file=/etc/face-edge/config.toml
    install -d -m 0755 /etc/face-edge
    [ ! -e "$file" ] || return 0
    install -m 0644 "$here/config.toml" "$file.new"
    if [ "$broker" = yes ]; then sed -i 's|^broker = .*|broker = "mqtt://127.0.0.1"|' "$file.new"; fi
    if [ "$kiosk" = yes ]; then printf '\n[kiosk]\nenabled = true\n' >>"$file.new"; fi
    mv "$file.new" "$file"
}

missing_settings() {   # settings that a chosen part needs in an existing configuration
    local shown
    shown=$("$root/current/bin/face-edge" config show 2>/dev/null) || return 0
    if [ "$broker" = yes ] && ! grep -Eq '^broker = "mqtt://(127\.0\.0\.1|localhost)' <<<"$shown"; then
        say 'for the broker on this machine: [mqtt] broker = "mqtt://127.0.0.1" in /etc/face-edge/config.toml'
    fi
    if [ "$kiosk" = yes ] && ! sed -n '/^\[kiosk\]/,/^\[/p' <<<"$shown" | grep -q '^enabled = true'; then
        say 'for the wall page: [kiosk] enabled = true in /etc/face-edge/config.toml'
    fi
}

python_version() { python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])'; }

release() {   # creates the environment with its units and prints its folder
    local folder unit
    folder=$root/releases/$(date +%Y%m%dT%H%M%S)
    mkdir -p "$folder/units"
    touch "$folder/.unfinished"
    for unit in "${units[@]}"; do install -m 0644 "$here/$unit" "$folder/units/$unit"; done
    install -D -m 0755 "$here/kiosk/face-edge-wall" "$folder/kiosk/face-edge-wall"
    install -m 0755 "$here/fault-wanted" "$folder/fault-wanted"
    python3 -m venv --system-site-packages "$folder" >&2
    install_packages "$folder" "$(python_version)" >&2
    "$folder/bin/python" -m compileall -q "$folder/lib" >/dev/null 2>&1 || true
    "$folder/bin/face-edge" --version >&2
    STATE_DIRECTORY=$folder/none "$folder/bin/face-edge" models verify >&2   # only the bundled models
    rm "$folder/.unfinished"
    printf '%s\n' "$folder"
}

install_service() {
    local made
    discard_unfinished
    say "creating the environment (minutes on a small board)"
    trap 'discard_unfinished; say "the environment could not be created: nothing was changed"' ERR
    made=$(release)
    trap - ERR
    add_yunet "$made"
    remember_extras
    place_upgrader
    ln -sfn "$root/current/bin/face-edge" /usr/local/bin/face-edge
    if [ ! -e /etc/systemd/system/face-edge.service ]; then
        install -m 0644 "$made/units/face-edge.service" /etc/systemd/system/face-edge.service
    fi
    systemctl enable --quiet face-edge.service
    if [ "$start" = yes ]; then say "starting it and observing it for a minute or two"; fi
    take_over "$made"
    if [ "$kiosk" = yes ]; then install_wall; fi
    upgrader tidy
    if [ "$start" = no ]; then
        say "$("$root/current/bin/face-edge" --version) is in place, and starts with the system"
        return
    fi
    missing_settings
    say "$("$root/current/bin/face-edge" --version) runs; see: sudo face-edge status, journalctl -u face-edge"
}

one_at_a_time
case $action in
    uninstall) uninstall ;;
    rollback) roll_back ;;
    install)
        [ "$apt" = no ] || packages
        choose_extras "$(python_version)" "$extras" "$forget_extras"
        accounts
        configuration
        if [ "$broker" = yes ]; then install_broker; fi
        install_service
        ;;
esac
