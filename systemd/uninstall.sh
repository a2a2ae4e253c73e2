# Sourced by install.sh: takes the device away, before that off its broker, and with --purge what its owner added.
# shellcheck shell=bash disable=SC2154  # root, units, purge, start, retire, without_yunet: install.sh's
own_units=(face-edge.service face-edge-fault.service face-edge-kiosk.service face-edge-trial.service)
homes=/home
wall_line='/opt/face-edge/current/kiosk/face-edge-wall &'   # in a desktop's autostart, as docs/kiosk.md has it

uninstall() {
    local topics=''
    if [ -L "$root/current" ] && [ "$start" = yes ]; then
        choose_retirement
        if [ "$retire" = yes ]; then retire_device; else topics=$(retained_topics) || topics=''; fi
    fi
    say "taking FACE Edge away"
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
        say "gone"
    else
        say "gone; /etc/face-edge and /var/lib/face-edge are kept (--purge takes them, too)"
    fi
    if [ -n "$topics" ]; then printf '%s\n' "$topics"; fi
}

choose_retirement() {   # asked where somebody is there to answer, and nothing was said
    local answer=''
    if [ "$retire" != ask ]; then return; fi
    retire=no
    if [ ! -t 0 ] || [ ! -t 1 ]; then return; fi
    read -r -p 'Take the device off its MQTT broker and out of Home Assistant first? [Y/n] ' answer || true
    case $answer in '' | [Yy]*) retire=yes ;; esac
}

retire_device() {   # as the service: with its settings, drop-ins and credentials
    local unit=face-edge-retire.service folder=/run/systemd/system code=0 since said drop_in
    say "taking the device off its broker"
    systemctl stop face-edge.service face-edge-fault.service 2>/dev/null || true
    mkdir -p "$folder/$unit.d"
    # nothing that belongs to the device's life: no other unit follows from this one
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
    if [[ $said == *'which keeps nothing'* ]]; then say 'it has no broker that would keep anything'; return; fi
    systemctl start --no-block face-edge.service 2>/dev/null || true
    die "nothing was taken away, since the broker still has its messages: ${said##*error: }; mend it, or use --no-retire"
}

why_retired() {   # why_retired UNIT SINCE: what it said; a busy disk keeps the journal waiting
    local said='' tries
    for tries in 1 2 3 4 5; do
        said=$(journalctl -u "$1" --since "@$2" --no-pager -o cat 2>/dev/null) || true
        if [[ $said == *'cleared '* ]] || [[ $said == *'error: '* ]]; then break; fi
        sleep "$tries"
    done
    grep -E '^cleared |error: ' <<<"$said" || true
}

retained_topics() {   # what stays on the broker, and how it is taken away later
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

remove_autostart() {   # of a desktop, in each user's own file, which stays theirs
    local file rest
    for file in "$homes"/*/.config/labwc/autostart; do
        if [ -f "$file" ] && grep -qxF -- "$wall_line" "$file"; then
            rest=$(grep -vxF -- "$wall_line" "$file" || true)
            printf '%s' "${rest:+$rest$'\n'}" >"$file"
            say "the wall page no longer starts with the desktop: $file"
        fi
    done
}

remove_drop_ins() {   # of our units alone: made by `systemctl edit`, `set-property` or by hand
    local unit folder
    for unit in "${own_units[@]}"; do
        for folder in /etc/systemd/system /etc/systemd/system.control /run/systemd/system /run/systemd/system.control; do
            rm -rf "$folder/$unit.d"
        done
    done
    rm -f /etc/letsencrypt/renewal-hooks/deploy/face-edge   # as docs/kiosk.md has it
}

name_leftovers() {   # units that somebody else made: they may serve another installation
    local left
    left=$(compgen -G '/etc/systemd/system/face-edge*' | xargs -r) || true
    if [ -n "$left" ]; then say "left, since this installer did not make it: $left"; fi
}
