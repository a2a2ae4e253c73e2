# Sourced by arm64.sh, root.sh, vm.sh and board.sh: a line for each step, an end at the first that does not hold.
# shellcheck shell=bash
passed=0

step() { printf '%-68s' "$1"; }
ok() { passed=$((passed + 1)); printf 'ok %s\n' "${1:-}"; }
fail() { printf 'FAILED %s\n' "${1:-}"; if declare -F explain >/dev/null; then explain; fi; exit 1; }
all_passed() { printf '%d steps, all passed\n' "$passed"; }
waits() {   # waits SECONDS COMMAND...: until it succeeds
    local end=$((SECONDS + $1)); shift
    until "$@" >/dev/null 2>&1; do [ $SECONDS -lt $end ] || return 1; sleep 0.3; done
}
