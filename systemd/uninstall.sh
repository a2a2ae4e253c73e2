# Sourced by install.sh: removes the device, first from its broker, and with --purge also the owner's additions.
# shellcheck shell=bash disable=SC2154  # root, units, purge, start, retire, without_yunet: install.sh's
own_units=(face-edge.service face-edge-fault.service face-edge-kiosk.service face-edge-trial.service)
homes=/home
wall_line='/opt/face-edge/current/kiosk/face-edge-wall &'   # in a desktop's autostart, as in docs/kiosk.md

uninstall() {
    local topics=''
    if [ -L "$root/current" ] && [ "$start" = yes ]; then
        choose_retirement
        if [ "$retire" = yes ]; then retire_device; else topics=$(retained_topics) || topics=''; fi
    fi
    say "removing FACE Edge"
    remove_wall
    remove_broker
    remove_upgrader
    remove_autostart
    systemctl disable --now "${units[@]}" 2>/dev/null || true
    for unit in "${units[@]}"; do rm -f "/etc/systemd/system/$unit"; done
    if [ "$purge" = yes ]; then remove_drop_ins; fi
    rm -rf "$root" /usr/lib/sysusers.d/face-edge.conf /usr/lib/udev/rules.d/60-face-edge.rules /usr/local/bin/face-edge
    systemctl daemon-reload
    systemctl reset-failed "${units[@]}" 2>/dev/null || true
    if [ "$purge" = yes ]; then
        rm -rf /etc/face-edge /etc/default/face-edge-kiosk /var/lib/face-edge
        if getent passwd face-edge >/dev/null; then userdel face-edge; fi
        name_leftovers
        say "removed"
    else
        say "removed; /etc/face-edge and /var/lib/face-edge are kept (--purge removes them, too)"
    fi
    if [ -n "$topics" ]; then printf '%s\n' "$topics"; fi
}

choose_retirement() {   # asks on a terminal if no option was given
    local answer=''
    if [ "$retire" != ask ]; then return; fi
    retire=no
    if [ ! -t 0 ] || [ ! -t 1 ]; then return; fi
    read -r -p 'Take the device off its MQTT broker and out of Home Assistant first? [Y/n] ' answer || true
    case $answer in '' | [Yy]*) retire=yes ;; esac
}

retire_device() {   # as the service: with its settings, drop-ins and credentials
    local unit=face-edge-retire.service folder=/run/systemd/system code=0 since said drop_in
    say "removing the device from its broker"
    systemctl stop face-edge.service face-edge-fault.service 2>/dev/null || true
    mkdir -p "$folder/$unit.d"
    # without the unit's usual dependencies and consequences
    sed -E '/^(OnFailure|OnFailureJobMode|Conflicts|After|StartLimit[A-Za-z]*|Exec[A-Za-z]*|WantedBy)=/d' \
        /etc/systemd/system/face-edge.service >"$folder/$unit"
    for drop_in in $(systemctl show -p DropInPaths --value face-edge.service); do
        cp "$drop_in" "$folder/$unit.d/"
    done
    printf '[Service]\nType=oneshot\nExecStart=\nExecStart=%s/current/bin/face-edge retire\nRestart=no\nWatchdogSec=0\nTimeoutStartSec=60\n' \
        "$root" >"$folder/$unit.d/zz-retire.conf"
    systemctl daemon-reload
    since=$(date +%s)
    systemctl start "$unit" || code=$?
    said=$(why_retired "$unit" "$since")
    rm -rf "${folder:?}/$unit" "${folder:?}/$unit.d"
    systemctl daemon-reload
    systemctl reset-failed "$unit" 2>/dev/null || true
    if [ "$code" = 0 ]; then say "off the broker: $(grep -c '^cleared ' <<<"$said") topics cleared"; return; fi
    if [[ $said == *'which keeps nothing'* ]]; then say 'it has no broker that stores messages'; return; fi
    systemctl start --no-block face-edge.service 2>/dev/null || true
    die "nothing was removed, since the broker still has its messages: ${said##*error: }; fix that, or use --no-retire"
}

why_retired() {   # why_retired UNIT SINCE: its output; on a busy disk the journal is late
    local said='' tries
    for tries in 1 2 3 4 5; do
        said=$(journalctl -u "$1" --since "@$2" --no-pager -o cat 2>/dev/null) || true
        if [[ $said == *'cleared '* ]] || [[ $said == *'error: '* ]]; then break; fi
        sleep "$tries"
    done
    grep -E '^cleared |error: ' <<<"$said" || true
}

retained_topics() {   # topics that stay on the broker, and how to remove them later
    "$root/current/bin/python" - 2>/dev/null <<'P'
from edge import config
from edge.config import embedded_port, node_id
from urllib.parse import urlsplit
found = config.load()
if found.mqtt.broker == "off" or embedded_port(found.mqtt.broker) is not None:
    raise SystemExit
node, prefix, broker = node_id(found), found.mqtt.prefix, urlsplit(found.mqtt.broker)
where = f"-h {broker.hostname}" + (f" -p {broker.port}" if broker.port else "")
where += " --tls-use-os-certs" if broker.scheme == "mqtts" else ""
print(f"""== its retained messages stay on the broker {found.mqtt.broker} (camera, availability, health and others), and its
   device in Home Assistant. To take them away: from another device, with its settings for that broker,
     face-edge retire --node {node}
   or anywhere, with the broker's user name and password where it wants them:
     mosquitto_sub {where} -t '{prefix}/{node}/#' -t '{found.mqtt.homeassistant.prefix}/device/{node}/config' --retained-only -W 3 -F %t |
       while read -r topic; do mosquitto_pub {where} -t "$topic" -r -n; done""")
P
}

remove_autostart() {   # in each user's autostart file, which keeps its owner
    local file rest
    for file in "$homes"/*/.config/labwc/autostart; do
        if [ -f "$file" ] && grep -qxF -- "$wall_line" "$file"; then
            rest=$(grep -vxF -- "$wall_line" "$file" || true)
            printf '%s' "${rest:+$rest$'\n'}" >"$file"
            say "the wall page no longer starts with the desktop: $file"
        fi
    done
}

remove_drop_ins() {   # of our units only: created by `systemctl edit`, `set-property` or by hand
    local unit folder
    for unit in "${own_units[@]}"; do
        for folder in /etc/systemd/system /etc/systemd/system.control /run/systemd/system /run/systemd/system.control; do
            rm -rf "$folder/$unit.d"
        done
    done
    rm -f /etc/letsencrypt/renewal-hooks/deploy/face-edge   # as in docs/kiosk.md
}

name_leftovers() {   # units not created by this installer: they may belong to another installation
    local left
    left=$(compgen -G '/etc/systemd/system/face-edge*' | xargs -r) || true
    if [ -n "$left" ]; then say "kept, since this installer did not create it: $left"; fi
}
