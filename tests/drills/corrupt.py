"""The camera returns garbage: noise, other sizes, one pixel, and undecodable frames."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tests.drills.appliance import DrillDevice
from tests.drills.outcome import DrillOutcome

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

DURING_S = 5.0
MOST_LINES = 60
"""Maximum log lines: the first of each cause with its traceback, and the camera's changes of state."""


def run(
    folder: Path, *, events: int, seed: int, progress: Callable[[float], None], during_s: float = DURING_S
) -> DrillOutcome:
    """Send garbage for ``during_s``, then pictures again."""
    del events, seed
    begun_s, faults = time.monotonic(), []
    with DrillDevice(folder) as device:
        device.wait_looking()
        pid, before = device.pid, len(device.lines)
        device.inject(camera="corrupt")
        time.sleep(during_s)
        answered = bool(device.status())
        device.inject()
        progress(1)
        back_s = device.wait_looking()
        line_count = len(device.lines) - before
        if device.wait_ended(0) is not None or device.pid != pid:
            faults.append("the process ended")
        if line_count > MOST_LINES:
            faults.append(f"{line_count} lines in the log")
        if not answered:
            faults.append("the device did not answer meanwhile")
        code = device.stop()
        if code:
            faults.append(f"it ended with code {code} when asked to stop")
    return DrillOutcome(
        "corrupt",
        f"{during_s:.0f} s of noise, frames of another size, of one pixel, of none, and undecodable ones",
        ("the same process went on and answered", f"{line_count} lines in the log"),
        back_s,
        "the frames meanwhile",
        time.monotonic() - begun_s,
        tuple(faults),
    )
