"""The camera is unplugged and plugged in again during one process."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tests.drills.appliance import DrillDevice
from tests.drills.outcome import DrillOutcome

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

AWAY_S = 3.0


def run(
    folder: Path, *, events: int, seed: int, progress: Callable[[float], None], away_s: float = AWAY_S
) -> DrillOutcome:
    """Unplug the camera ``events`` times."""
    del seed
    begun_s, faults = time.monotonic(), []
    gone, back = [], []
    with DrillDevice(folder) as device:
        device.wait_looking()
        for index in range(events):
            device.inject(camera="unplug")
            gone.append(device.wait_for(lambda status: status["camera"] == "offline"))
            time.sleep(away_s)
            device.inject()
            back.append(device.wait_looking())
            time.sleep(away_s)
            progress(index + 1)
        reconnects = device.status()["health"]["reconnects"]
        lines = [line for line in device.lines if "no such device" in line]
        if device.wait_ended(0) is not None:
            faults.append("the process ended")
        if not 0 < len(lines) <= events:
            faults.append(f"{len(lines)} log lines for {events} causes")
    return DrillOutcome(
        "unplug",
        f"the camera pulled out {events} times for {away_s:.0f} s",
        (
            f"offline after {max(gone):.1f} s at most, online again in the same process, {reconnects} attempts to open",
            f"{len(lines)} lines in the log that it is away",
        ),
        max(back),
        "the frames meanwhile",
        time.monotonic() - begun_s,
        tuple(faults),
    )
