"""The camera's driver hangs in a call: the process must end with code 5, and its successor must recover."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from edge.core.errors import SourceError
from tests.drills.appliance import DrillDevice
from tests.drills.outcome import DrillOutcome

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_PATIENCE_S = 120.0


def run(
    folder: Path, *, events: int, seed: int, progress: Callable[[float], None], hang_s: float = 0.0
) -> DrillOutcome:
    """Hang once; ``hang_s`` shortens the device's patience."""
    del events, seed
    begun_s, faults = time.monotonic(), []
    with DrillDevice(folder, hang_s=hang_s) as device:
        device.wait_looking()
        device.inject(camera="freeze")
        away_s = device.wait_for(lambda status: status["camera"] == "offline")
        frozen_s = away_s - time.monotonic()
        code = device.wait_ended(_PATIENCE_S)
        frozen_s += time.monotonic()
        last_line = device.lines[-1] if device.lines else "nothing"
        if code != SourceError.exit_code:
            faults.append(f"the process ended with {code}, not with {SourceError.exit_code}")
        device.kill()
        progress(1)
        device.inject()
        device.start()
        back_s = device.wait_looking()
    return DrillOutcome(
        "freeze",
        "a call into the camera's driver that never returns",
        (f"camera offline after {away_s:.1f} s, exit code {code} after {frozen_s:.1f} s", f"last line: {last_line}"),
        back_s,
        "the frames meanwhile",
        time.monotonic() - begun_s,
        tuple(faults),
    )
