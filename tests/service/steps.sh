# Sourced by check.sh, root.sh and board.sh: a line for each step, an end at the first that does not hold, and what
# systemd says of the service.
# shellcheck shell=bash
passed=0

step() { printf '%-68s' "$1"; }
ok() { passed=$((passed + 1)); printf 'ok %s\n' "${1:-}"; }
fail() { printf 'FAILED %s\n' "${1:-}"; if declare -F explain >/dev/null; then explain; fi; exit 1; }
all_passed() { printf '%d steps, all passed\n' "$passed"; }
# shellcheck disable=SC2154  # its caller has started=$SECONDS
took() { printf '%d s' $((SECONDS - started)); }
waits() {   # waits SECONDS COMMAND...: until it succeeds
    local end=$((SECONDS + $1)); shift
    until "$@" >/dev/null 2>&1; do [ $SECONDS -lt $end ] || return 1; sleep 0.3; done
}
show() { systemctl show -p "$1" --value "${2:-face-edge.service}"; }
is() { [ "$(show "$1" "${3:-face-edge.service}")" = "$2" ]; }
pid() { show MainPID; }
another_pid() { [ "$(pid)" != "$1" ] && [ "$(pid)" != 0 ] && is ActiveState active; }
exposure() { systemd-analyze security --no-pager "$1" | sed -n 's/.*exposure level for .*: \([0-9.]*\).*/\1/p'; }
at_most() { awk "BEGIN { exit !($1 <= $2) }"; }
