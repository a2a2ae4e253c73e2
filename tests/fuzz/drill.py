"""Runs each target in child processes, records their crashes as findings, and stores the inputs."""

from __future__ import annotations

import contextlib
import json
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from edge.core.errors import InputError
from edge.util.files import write_text
from tests.fuzz.child import NOW, read
from tests.fuzz.report import FuzzFinding, FuzzReport, TargetTally
from tests.fuzz.target import TARGETS, entry

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

_START_S = 120.0
_STUCK_S = 300.0
"""Maximum seconds of an input on a busy machine; the child limits its CPU time."""
_CRASHES_MAX = 20
_NAMES = {-signal.SIGPROF: "takes too long", -signal.SIGKILL: "is stuck, or was killed for its memory"}


def run(
    folder: Path,
    *,
    seconds: float,
    seed: int,
    names: Sequence[str] = (),
    keep: Path | None = None,
    progress: Callable[[float], None] = lambda _done: None,
) -> FuzzReport:
    """Fuzz the targets called ``names`` (all if empty), each for ``seconds``; store inputs in ``keep``."""
    tallies: list[TargetTally] = []
    for name in names or TARGETS:
        tally = _Fuzzing(folder, name, seed, seconds).run(lambda: progress(seconds * len(tallies)))
        if keep is not None:
            tally = replace(tally, findings=tuple(_kept(keep, found) for found in tally.findings))
        tallies.append(tally)
        progress(seconds * len(tallies))
    return FuzzReport(seed, tuple(tallies))


def again(folder: Path, file: Path) -> FuzzReport:
    """Try the input of a finding's file again.

    Raises:
        InputError: the file is not a finding's.
    """
    try:
        given = json.loads(file.read_text(encoding="utf-8"))
        name, seed, data = str(given["target"]), int(given["seed"]), bytes.fromhex(given["input"])
        entry(name)
    except (OSError, ValueError, KeyError, TypeError):
        msg = f"{file}: is no file that `face-edge drill fuzz --output` wrote"
        raise InputError(msg) from None
    source = folder / "input"
    source.write_bytes(data)
    return FuzzReport(seed, (_Fuzzing(folder, name, seed, 0.0).once(source),))


class _Fuzzing:
    """One target over several processes."""

    def __init__(self, folder: Path, name: str, seed: int, seconds: float) -> None:
        self._folder = folder / re.sub(r"\W", "-", name)
        self._folder.mkdir()
        self._name, self._seed, self._seconds = name, seed, seconds
        self._findings: dict[str, FuzzFinding] = {}
        self._next = 1
        self._processes = 0
        self._missing = ""

    def run(self, beat: Callable[[], None]) -> TargetTally:
        begun_s, crashes = time.monotonic(), 0
        while (left_s := begun_s + self._seconds - time.monotonic()) > 0 and crashes < _CRASHES_MAX:
            if self._missing:
                break
            beat()
            before = self._next
            if not self._process(str(self._next), left_s):
                crashes += 1
                if self._next == before:
                    break  # it does not even start
        return self._tally(time.monotonic() - begun_s)

    def once(self, source: Path) -> TargetTally:
        begun_s = time.monotonic()
        self._process(str(source), 0.0)
        self._next = 2
        return self._tally(time.monotonic() - begun_s)

    def _tally(self, seconds: float) -> TargetTally:
        about = entry(self._name).about
        findings = tuple(self._findings.values())
        tries = 0 if self._missing else self._next - 1
        return TargetTally(self._name, about, tries, round(seconds, 1), self._processes, findings, self._missing)

    def _process(self, first: str, seconds: float) -> bool:
        """Run one process and return whether it finished; a crash is a finding with the current input."""
        self._processes += 1
        (self._folder / NOW).unlink(missing_ok=True)
        words = [self._name, str(self._seed), first, str(seconds), str(self._folder)]
        command = [sys.executable, "-m", "tests.fuzz.child", *words]
        log = self._folder / "stderr"
        with log.open("wb") as stream:
            child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stream)
        try:
            output, _ = child.communicate(timeout=_START_S + seconds + _STUCK_S)
        except subprocess.TimeoutExpired:
            child.kill()
            output, _ = child.communicate()
        except BaseException:
            child.kill()
            raise
        self._hear(output.decode("utf-8", "replace"))
        last = read(self._folder / NOW)
        if last is not None:
            self._next = max(self._next, last[0] + 1)
        if child.returncode:
            self._crashed(child.returncode, last, log.read_text(encoding="utf-8", errors="replace"))
        return child.returncode == 0

    def _hear(self, output: str) -> None:
        for line in output.splitlines():
            with contextlib.suppress(ValueError):  # cut off by a crash
                found: dict[str, Any] = json.loads(line)
                self._missing = found.get("missing", self._missing)
                if "what" in found:
                    self._add(found["index"], found["what"], found["text"], found["input"])

    def _crashed(self, code: int, last: tuple[int, bytes] | None, told: str) -> None:
        lines = told.strip().splitlines()
        name = _NAMES.get(code) or (signal.Signals(-code).name if code < 0 else f"ended with code {code}")
        if last is None:
            self._add(0, name, lines[-1] if lines else "before the first try", "")
            return
        ours = next((line.strip() for line in lines if "/edge/" in line and "/drills/" not in line), "")
        place = re.search(r'/edge/([^"]+)", line (\d+)', ours)
        what = f"{name} at {place[1]}:{place[2]}" if place else name
        self._add(last[0], what, lines[0] if lines else "", last[1].hex())

    def _add(self, index: int, what: str, text: str, data: str) -> None:
        self._findings.setdefault(what, FuzzFinding(self._name, self._seed, index, what, text, data))


def _kept(keep: Path, found: FuzzFinding) -> FuzzFinding:
    """Write the finding to a file for ``--again``."""
    path = keep / f"{re.sub(r'[^a-z0-9]+', '-', f'{found.target} {found.what}'.lower())[:80]}-{found.index}.json"
    keys = {"target": found.target, "seed": found.seed, "index": found.index, "what": found.what, "text": found.text}
    write_text(path, json.dumps(keys | {"input": found.input}, indent=2) + "\n")
    return replace(found, file=str(path))
