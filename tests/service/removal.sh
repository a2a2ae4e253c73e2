# Sourced by check.sh: the device is taken away, before that off its broker, and leaves nothing that names it.
# shellcheck shell=bash disable=SC2015,SC2154  # ok never fails; checkout, wheel, log: check.sh's
retained() { timeout 20 mosquitto_sub -t 'face-edge/#' -t 'homeassistant/#' --retained-only -W 3 -F %t 2>/dev/null || true; }

step 'uninstall with a broker that does not answer takes nothing away'
mkdir -p /etc/systemd/system/face-edge.service.d   # as `systemctl edit face-edge` does
printf '[Service]\nEnvironment=FACE_EDGE_MQTT__BROKER=mqtt://127.0.0.1:9\n' >/etc/systemd/system/face-edge.service.d/override.conf
systemctl daemon-reload
code=0; "$checkout/systemd/install.sh" --uninstall --retire >"$log" 2>&1 || code=$?
[ $code = 1 ] && grep -q 'nothing was removed' "$log" && [ -e /opt/face-edge/current ] || fail "exit code $code"
waits 60 is ActiveState active && ok "$(grep -o 'cannot be reached.*\|refused.*' "$log" | head -n 1 | cut -c 1-60)" || fail

step 'uninstall, retired first: off the broker; configuration and data stay'
printf '[Service]\nEnvironment=FACE_EDGE_MQTT__KEEPALIVE_S=30\n' >/etc/systemd/system/face-edge.service.d/override.conf
systemctl daemon-reload; systemctl restart face-edge; looks || fail
timeout 60 mosquitto_sub -t 'face-edge/+/state' -C 1 >/dev/null || fail
before=$(retained | wc -l)
[ "$before" -ge 9 ] || fail "$before retained messages before it"
"$checkout/systemd/install.sh" --uninstall --retire >"$log" 2>&1 || fail
[ -z "$(retained)" ] && [ -e /etc/face-edge/config.toml ] && compgen -G '/var/lib/face-edge/sessions-*.sqlite3' >/dev/null \
    && [ ! -e /opt/face-edge ] && ok "$before topics, $(grep -o '[0-9]* topics cleared' "$log")" || fail "$(retained)"

step 'with --purge it leaves nothing'
"$checkout/systemd/install.sh" --uninstall --purge >"$log" 2>&1 || fail
left=$(find / -xdev \( -path /proc -o -path /tmp -o -path /root -o -path "$checkout" -o -path "$(dirname "$wheel")" -o -path /var/log \) -prune -o \( -name '*face-edge*' -o -name '*face_edge*' -o -name '*face-wall*' \) -print 2>/dev/null)
left+=$(grep -rls face-edge /etc/systemd /etc/mosquitto /run/systemd/system 2>/dev/null | grep -v check.service || true)
left+=$(getent passwd face-edge face-wall || true)   # whichever is left
[ -z "$left" ] && ok || fail "$left"
