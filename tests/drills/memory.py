"""The device gets no more memory: whatever it does then, it must look again afterwards."""

from __future__ import annotations

import re
import resource
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tests.drills.appliance import Appliance
from tests.drills.kill import damaged
from tests.drills.outcome import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable

SQUEEZED_S = 8.0
_MIB = 1 << 20


def run(
    folder: Path, *, events: int, seed: int, progress: Callable[[float], None], squeezed_s: float = SQUEEZED_S
) -> Outcome:
    """Limit the process's data to half of what it has, wait, lift the limit or start it again where it has ended."""
    del events, seed
    begun_s, faults = time.monotonic(), []
    with Appliance(folder) as device:
        device.wait_looking()
        device.ask("session_start", title="drill")
        before = resource.prlimit(device.pid, resource.RLIMIT_DATA)
        had = _data_bytes(device.pid)
        resource.prlimit(device.pid, resource.RLIMIT_DATA, (had // 2, before[1]))
        code = device.wait_ended(squeezed_s)
        told = device.lines[-1] if device.lines else "nothing"
        if code is None:
            seen = f"it went on for {squeezed_s:.0f} s with what it had"
            resource.prlimit(device.pid, resource.RLIMIT_DATA, before)
        else:
            seen = f"it ended with {code}; last line: {told[:160]}"
            device.kill()
            device.start()
        progress(1)
        back_s = device.wait_looking()
        if device.status()["session"] is None:
            faults.append("the session was gone")
        if stopped := device.stop():
            faults.append(f"it ended with code {stopped} when asked to stop")
        faults += damaged(device.state)
    return Outcome(
        "memory",
        f"half of the {had / _MIB:.0f} MiB of data that the process had as its limit: whatever it asks for now fails",
        (seen,),
        back_s,
        "the frames meanwhile",
        time.monotonic() - begun_s,
        tuple(faults),
    )


def _data_bytes(pid: int) -> int:
    """What counts against RLIMIT_DATA."""
    text = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    found = re.search(r"VmData:\s+(\d+) kB", text)
    return int(found.group(1)) * 1024 if found else 0
