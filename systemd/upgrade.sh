# Sourced by install.sh: new versions take over on trial, see systemd/upgrade/ and docs/appliance.md.
# shellcheck shell=bash disable=SC2154  # here, root, start: install.sh's
trial_unit=/etc/systemd/system/face-edge-trial.service

one_at_a_time() {   # two installers would delete each other's files as leftovers
    exec 9>/run/face-edge-install.lock
    flock --nonblock 9 || die "another installer is running"
}

upgrader() { PYTHONPATH=$root PYTHONDONTWRITEBYTECODE=1 python3 -P -m upgrade "$@"; }

place_upgrader() {   # beside the versions, since it must work even if a version does not
    local kept=
    # an open trial must find it after any interruption
    rm -rf "$root/upgrade.new"
    install -d -m 0755 "$root/upgrade.new"
    install -m 0644 "$here"/upgrade/*.py "$root/upgrade.new/"
    if [ -d "$root/upgrade" ]; then
        kept=$root/upgrade.old
        rm -rf "$kept"
        mv "$root/upgrade" "$kept"
    fi
    mv "$root/upgrade.new" "$root/upgrade"
    [ -z "$kept" ] || rm -rf "$kept"
    install -m 0644 "$here/face-edge-trial.service" "$trial_unit.new"
    mv "$trial_unit.new" "$trial_unit"
    systemctl enable --quiet face-edge-trial.service
    sync --file-system "$root" /etc/systemd/system
}

remove_upgrader() {
    local wants
    wants=$(dirname "$trial_unit")/face-edge.service.wants
    systemctl disable --quiet face-edge-trial.service 2>/dev/null || true
    # also the link: an older installer removed only the unit, after which it cannot be disabled
    rm -f "$trial_unit" "$wants/face-edge-trial.service" /run/face-edge-install.lock /run/face-edge-upgrade.lock
    rmdir "$wants" 2>/dev/null || true
}

discard_unfinished() {   # leftovers of an installer that was killed or ran out of disk
    local folder
    for folder in "$root"/releases/*/; do
        if [ -e "$folder/.unfinished" ]; then rm -rf "$folder"; fi
    done
}

take_over() {   # take_over RELEASE: switches to it if it becomes healthy
    if [ "$start" = no ]; then upgrader place "$1"; return; fi
    trap '' HUP   # a lost terminal does not end it
    upgrader trial "$1" || exit $?
    trap - HUP
}

roll_back() {
    [ -d "$root/releases" ] || die "nothing is installed"
    [ "$start" = yes ] || die "--rollback and --no-start exclude each other"
    place_upgrader
    trap '' HUP
    upgrader rollback || exit $?
    trap - HUP
    say "$("$root/current/bin/face-edge" --version) runs again; configuration and data stay as they are"
}
