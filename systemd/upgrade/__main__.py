"""The command line: ``python3 -P -m upgrade trial FOLDER | place FOLDER | rollback | settle | guard | tidy``."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from pathlib import Path

from upgrade.releases import Releases
from upgrade.service import Service
from upgrade.trial import PATIENCE_S, Interrupted, Refused, Trial

_DIE_WITH_PARENT = 1
_USAGE = 2


def main(arguments: list[str]) -> int:
    """Run the command in ``arguments``; return 0: done, 1: rejected or refused, 2: unknown command."""
    trial = Trial(
        Releases(),
        Service(),
        say,
        watch_s=_number("SETTLE_S"),
        patience_s=_number("PATIENCE_S") or PATIENCE_S,
    )
    match arguments:
        case ["trial", folder]:
            return _attended(trial, Path(folder))
        case ["rollback"]:
            return _rollback(trial)
        case ["place", folder]:
            return _place(trial.releases, Path(folder))
        case ["settle"]:
            trial.settle()
        case ["guard"]:
            trial.guard()
        case ["tidy"]:
            trial.releases.tidy()
        case _:
            print(__doc__, file=sys.stderr)
            return _USAGE
    return 0


def say(text: str) -> None:
    """Print a line as the installer does."""
    print(f"== {text}", flush=True)


def _attended(trial: Trial, candidate: Path, *, delete: bool = True) -> int:
    _end_with_the_installer()
    first = trial.releases.current is None
    try:
        verdict = trial.run(candidate, delete=delete)
    except Refused as refusal:
        return _failed(str(refusal))
    except Interrupted:
        return _failed("interrupted: nothing was changed")
    if verdict.healthy:
        say(f"accepted: {verdict.reason}")
        return 0
    if first:
        return _failed(
            f"it does not become healthy ({verdict.reason}); fix /etc/face-edge/config.toml and run: "
            "sudo systemctl restart face-edge"
        )
    return _failed(f"{verdict.reason}; see journalctl -u face-edge")


def _rollback(trial: Trial) -> int:
    target = trial.releases.previous
    if target is None or not trial.releases.is_finished(target):
        return _failed("there is no previous version: install one with `install.sh --wheel FILE`")
    say(f"rolling back to {target.name}")
    return _attended(trial, target, delete=False)


def _place(releases: Releases, candidate: Path) -> int:
    """Activate a version without starting it, as in the image of a card."""
    before = releases.current
    try:
        releases.switch(candidate)
        releases.end_trial()
        if before is not None and before != candidate.resolve():
            releases.accept(before)
    except OSError as error:
        return _failed(f"the version cannot be activated: {error.strerror or error}")
    return 0


def _failed(text: str) -> int:
    print(f"install.sh: {text}", file=sys.stderr, flush=True)
    return 1


def _end_with_the_installer() -> None:
    """Let the installer's death kill this process, which the guard notices; end the trial in order on signals."""
    parent = os.getppid()
    ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)

    def end(number: int, _frame: object) -> None:
        for each in (signal.SIGINT, signal.SIGTERM):
            signal.signal(each, signal.SIG_IGN)
        raise Interrupted(signal.Signals(number).name)

    signal.signal(signal.SIGINT, end)
    signal.signal(signal.SIGTERM, end)


def _number(name: str) -> float | None:
    try:
        return float(os.environ[name])
    except (KeyError, ValueError):
        return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
