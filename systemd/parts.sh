# Sourced by install.sh: optional parts of an installation: a broker on the device, the wall page and the YuNet face
# detector.
# shellcheck shell=bash disable=SC2154  # here, start, yunet, yunet_file: install.sh's
wall_unit=/etc/systemd/system/face-edge-kiosk.service
broker_unit=/etc/systemd/system/mosquitto.service.d/face-edge.conf
broker_settings=/etc/mosquitto/conf.d/face-edge.conf
without_yunet=/etc/face-edge/no-yunet

lists=old
fresh_lists() {   # once per run
    [ "$lists" = old ] || return 0
    apt-get update -qq
    lists=new
}

apt_install() {   # installs the packages that are missing
    local missing=() package
    for package in "$@"; do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing+=("$package")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    say "apt: ${missing[*]}"
    fresh_lists
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"
}

in_apt() { apt-cache show "$1" >/dev/null 2>&1; }

wall_packages() {
    local browser=chromium
    in_apt chromium || browser=chromium-browser   # its name in older images of Raspberry Pi OS
    # cage ends at once without XWayland
    apt_install cage xwayland "$browser"
}

install_wall() {   # its unit and script are part of the release
    install -D -m 0644 "$here/kiosk/face-wall.sysusers" /usr/lib/sysusers.d/face-wall.conf
    systemd-sysusers /usr/lib/sysusers.d/face-wall.conf
    if [ ! -e /usr/bin/cage ]; then say 'cage is not installed: the wall page stays dark until it is'; fi
    if systemctl is-enabled --quiet display-manager.service 2>/dev/null; then
        say 'this system has a desktop, which keeps the screen: see docs/kiosk.md for the wall page on it'
        return
    fi
    systemctl enable --quiet face-edge-kiosk.service
    if [ "$start" = yes ]; then systemctl restart face-edge-kiosk.service; fi
}

remove_wall() {
    [ -e "$wall_unit" ] || return 0
    systemctl disable --now face-edge-kiosk.service 2>/dev/null || true
    rm -f "$wall_unit" /usr/lib/sysusers.d/face-wall.conf
    if getent passwd face-wall >/dev/null; then userdel face-wall; fi
}

install_broker() {   # changes that do not work are reverted, since others may depend on the broker
    local before
    [ -d /etc/mosquitto/conf.d ] || die 'Mosquitto is not installed: sudo apt install mosquitto'
    before=$(mktemp -d)
    cp "$broker_unit" "$before/unit" 2>/dev/null || true
    cp "$broker_settings" "$before/settings" 2>/dev/null || true
    install -D -m 0644 "$here/mosquitto/sandbox.conf" "$broker_unit"
    install -m 0644 "$here/mosquitto/on-device.conf" "$broker_settings"
    systemctl enable --quiet mosquitto.service
    if [ "$start" = no ]; then rm -r "$before"; return; fi
    systemctl daemon-reload
    if cmp -s "$broker_unit" "$before/unit" && cmp -s "$broker_settings" "$before/settings" \
        && systemctl is-active --quiet mosquitto.service; then rm -r "$before"; return; fi
    if systemctl restart mosquitto.service && sleep 2 && systemctl is-active --quiet mosquitto.service; then
        say 'Mosquitto serves this machine'
        rm -r "$before"
        return
    fi
    why mosquitto
    remove_broker
    if [ -e "$before/unit" ]; then install -D -m 0644 "$before/unit" "$broker_unit"; fi
    if [ -e "$before/settings" ]; then install -m 0644 "$before/settings" "$broker_settings"; fi
    rm -r "$before"
    systemctl daemon-reload
    systemctl restart mosquitto.service || true
    die 'Mosquitto does not start with systemd/mosquitto/on-device.conf: its settings are as they were'
}

remove_broker() {
    [ -e "$broker_unit" ] || [ -e "$broker_settings" ] || return 0
    rm -f "$broker_unit" "$broker_settings"
    rmdir "$(dirname "$broker_unit")" 2>/dev/null || true
    systemctl daemon-reload
    systemctl reset-failed mosquitto.service 2>/dev/null || true
    systemctl try-restart mosquitto.service 2>/dev/null || true
}

add_yunet() {   # add_yunet RELEASE: optional, since Haar detects faces without it
    local state=/var/lib/face-edge said code=0
    if [ "$yunet" = no ]; then
        touch "$without_yunet"
        return
    fi
    rm -f "$without_yunet"
    install -d -m 0700 -o face-edge -g face-edge "$state"
    # where the service looks for it; bounded if the network does not answer
    said=$(STATE_DIRECTORY=$state timeout 120 "$1/bin/face-edge" models add yunet ${yunet_file:+--from "$yunet_file"} 2>&1) \
        || code=$?
    if [ "$code" = 0 ]; then return; fi
    if [ "$code" = 124 ]; then said='no answer within 120 s'; fi
    said=${said##*$'\n'}
    said=${said/give it with --from/give it with --yunet}
    say "Haar finds the faces: the YuNet detector was not added: ${said#face-edge: error: }"
}
