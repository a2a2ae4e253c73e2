"""Run code in a separate process, so that a crash of a native library is reported instead of ending this one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from edge.util.text import in_one_line

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

TIMEOUT_S = 60.0
_PACKAGES = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Outcome:
    """``answer`` is the JSON that the code printed last, ``None`` where it ended badly; ``reason`` says how."""

    answer: dict[str, Any] | None
    reason: str = ""
    signal: signal.Signals | None = None


def probe(
    code: str,
    *arguments: str,
    timeout_s: float = TIMEOUT_S,
    given: str = "",
    environment: Mapping[str, str] | None = None,
    descriptors: Collection[int] = (),
) -> Outcome:
    """Run Python ``code`` with ``arguments`` in ``sys.argv``; it prints one JSON object as its last line.

    ``given`` is passed on standard input, hidden from other users of the machine. ``environment`` replaces that of this
    process; ``descriptors`` are inherited.
    """
    path = os.pathsep.join(filter(None, (str(_PACKAGES), os.environ.get("PYTHONPATH"))))
    with _in_memory() as output, _in_memory() as complaints:
        try:
            done = subprocess.run(  # noqa: S603 - our own code by our own interpreter
                [sys.executable, "-c", code, *arguments],
                stdout=output,
                stderr=complaints,
                input=given.encode(),
                timeout=timeout_s,
                env={**os.environ, "PYTHONPATH": path} if environment is None else environment,
                pass_fds=descriptors,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return Outcome(None, f"did not end within {timeout_s:g} s")
        except OSError as error:
            return Outcome(None, f"cannot be started: {error.strerror or error}")
        said, complained = _last_line(output), _last_line(complaints)
    if done.returncode < 0:
        number = signal.Signals(-done.returncode)
        return Outcome(None, f"was ended by signal {number.name}", number)
    if done.returncode:
        return Outcome(None, complained or f"ended with code {done.returncode}")
    try:
        answer = json.loads(said)
    except ValueError:
        return Outcome(None, "gave no answer")
    return Outcome(answer)


def _in_memory() -> BinaryIO:
    """Open a file in memory: unlike a pipe, it is bounded by the process's limit of file size."""
    return os.fdopen(os.memfd_create("probe"), "w+b")


def _last_line(stream: BinaryIO) -> str:
    stream.seek(0)
    lines = stream.read().decode(errors="replace").strip().splitlines()
    return in_one_line(lines[-1].strip()) if lines else ""
