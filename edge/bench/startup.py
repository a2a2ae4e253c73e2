"""Measurement of a device's start-up time, from its command to its first messages."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from edge.core.errors import EdgeError

if TYPE_CHECKING:
    from pathlib import Path

_PATIENCE_S = 60.0


@dataclass(frozen=True, slots=True)
class Startup:
    """Seconds from the start of the process to its first message, and to the first event about a face in view."""

    message_s: float
    event_s: float


def measure(folder: Path, flags: dict[str, Any], clock: Any = time.monotonic) -> Startup:
    """Start ``face-edge run`` on the drawn portrait, with the hold time of presence set to 0.

    Raises:
        EdgeError: the device ends before its first event, or publishes none.
    """
    settings = {
        "node.id": "bench", "node.state_dir": folder, "source.width": 640, "source.height": 480, "source.fps": 30,
        "events.presence_hold_s": 0, **flags,
    }  # fmt: skip
    given = [part for key, value in settings.items() for part in ("--set", f"{key}={value}")]
    command = [sys.executable, "-m", "edge", *given, "run", "--source", "virtual:portrait", "--json"]
    began_s, message_s = clock(), None
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:  # noqa: S603 - ourselves
        try:
            for line in process.stdout or ():
                now_s = clock() - began_s
                message_s = now_s if message_s is None else message_s
                if json.loads(line)["topic"] == "event":
                    return Startup(message_s, now_s)
                if now_s > _PATIENCE_S:
                    break
        finally:
            process.kill()
    msg = "the device that was to be measured gave no event: does `face-edge run --source virtual --json` work?"
    raise EdgeError(msg)
