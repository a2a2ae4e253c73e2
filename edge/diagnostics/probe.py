"""Tries something in a process of its own, so that a crash of a native library is a finding and not our end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TIMEOUT_S = 60.0
_PACKAGES = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Outcome:
    """``answer`` is the JSON that the code printed last, ``None`` where it ended badly; ``reason`` says how."""

    answer: dict[str, Any] | None
    reason: str = ""
    signal: signal.Signals | None = None


def probe(code: str, *arguments: str, timeout_s: float = TIMEOUT_S, given: str = "") -> Outcome:
    """Run Python ``code`` with ``arguments`` in ``sys.argv``; it prints one JSON object as its last line.

    ``given`` is what it may read from its standard input: what other users of the machine must not see.
    """
    path = os.pathsep.join(filter(None, (str(_PACKAGES), os.environ.get("PYTHONPATH"))))
    try:
        done = subprocess.run(  # noqa: S603 - our own code by our own interpreter
            [sys.executable, "-c", code, *arguments],
            capture_output=True,
            input=given,
            text=True,
            errors="replace",
            timeout=timeout_s,
            env={**os.environ, "PYTHONPATH": path},
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Outcome(None, f"did not end within {timeout_s:g} s")
    except OSError as error:
        return Outcome(None, f"cannot be started: {error.strerror or error}")
    if done.returncode < 0:
        number = signal.Signals(-done.returncode)
        return Outcome(None, f"was ended by signal {number.name}", number)
    if done.returncode:
        return Outcome(None, _last_line(done.stderr) or f"ended with code {done.returncode}")
    try:
        answer = json.loads(_last_line(done.stdout))
    except ValueError:
        return Outcome(None, "gave no answer")
    return Outcome(answer)


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1].strip() if lines else ""
