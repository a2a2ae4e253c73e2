"""The device gets no more memory; afterwards it must work again."""

from __future__ import annotations

import re
import resource
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tests.drills.appliance import DrillDevice
from tests.drills.kill import damaged
from tests.drills.outcome import DrillOutcome

if TYPE_CHECKING:
    from collections.abc import Callable

SQUEEZED_S = 8.0
_MIB = 1 << 20


def run(
    folder: Path, *, events: int, seed: int, progress: Callable[[float], None], squeezed_s: float = SQUEEZED_S
) -> DrillOutcome:
    """Limit the process's data to half of its size, wait, and lift the limit or restart it if it has ended."""
    del events, seed
    begun_s, faults = time.monotonic(), []
    with DrillDevice(folder) as device:
        device.wait_looking()
        device.ask("session_start", title="drill")
        before = resource.prlimit(device.pid, resource.RLIMIT_DATA)
        had = _data_bytes(device.pid)
        resource.prlimit(device.pid, resource.RLIMIT_DATA, (had // 2, before[1]))
        code = device.wait_ended(squeezed_s)
        last_line = device.lines[-1] if device.lines else "nothing"
        if code is None:
            seen = f"it went on for {squeezed_s:.0f} s with what it had"
            resource.prlimit(device.pid, resource.RLIMIT_DATA, before)
        else:
            seen = f"it ended with {code}; last line: {last_line[:160]}"
            device.kill()
            device.start()
        progress(1)
        back_s = device.wait_looking()
        if device.status()["session"] is None:
            faults.append("the session was gone")
        if stopped := device.stop():
            faults.append(f"it ended with code {stopped} when asked to stop")
        faults += damaged(device.state)
    return DrillOutcome(
        "memory",
        f"half of the {had / _MIB:.0f} MiB of data that the process had as its limit: whatever it asks for now fails",
        (seen,),
        back_s,
        "the frames meanwhile",
        time.monotonic() - begun_s,
        tuple(faults),
    )


def _data_bytes(pid: int) -> int:
    """Return the bytes that count against RLIMIT_DATA."""
    text = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    match = re.search(r"VmData:\s+(\d+) kB", text)
    return int(match.group(1)) * 1024 if match else 0
