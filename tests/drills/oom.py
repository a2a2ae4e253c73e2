"""Another process uses the memory until the kernel kills the device: the session continues, and no marker is lost."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from edge.bench.mosquitto import Mosquitto
from edge.core.errors import EdgeError
from edge.sinks.mqtt.topics import Topics
from tests.drills.appliance import NODE, DrillDevice
from tests.drills.kill import damaged, markers
from tests.drills.listener import DrillListener
from tests.drills.memory_group import MemoryGroup
from tests.drills.outcome import DrillOutcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_MIB = 1 << 20
_ROOM = 48 * _MIB
"""Memory beyond the device's normal use."""
_LEFT = 16 * _MIB
"""Memory that the other process leaves free: too little for a device, enough not to exceed the limit itself."""
_EATER = """\
import sys, time
eaten = []
for _ in range(int(sys.argv[1])):
    eaten.append(b"x" * (1 << 20))
    time.sleep(0.002)
time.sleep(3600)
"""
_EATEN_S = 60.0
_PATIENCE_S = 30.0


def run(folder: Path, *, events: int, seed: int, progress: Callable[[float], None]) -> DrillOutcome:
    """Have the device killed ``events`` times in a session, while markers are set.

    Raises:
        HardwareUnavailable: no control group for memory can be created here, or Mosquitto is missing.
    """
    del seed
    begun_s, faults, back, taken = time.monotonic(), [], [], 0
    answered: list[str] = []
    with ExitStack() as stack:
        group = stack.enter_context(MemoryGroup())
        broker = stack.enter_context(Mosquitto(folder / "broker"))
        listener = stack.enter_context(DrillListener(broker.port, Topics.of("face-edge", NODE)))
        device = stack.enter_context(DrillDevice(folder, broker=broker.uri, within=group.within))
        device.wait_looking()
        session = device.ask("session_start", title="drill")["id"]
        has = group.used
        for index in range(events):
            before = group.kills
            code = _starved(device, group, has + _ROOM, answered)
            killed = code == -signal.SIGKILL and group.kills > before
            taken += killed
            if not killed:
                faults.append(f"at {index + 1} the kernel did not kill it: code {code}, {group.kills - before} kills")
            back_s, goes_on = device.come_back(session)
            back.append(back_s)
            if not goes_on:
                faults.append(f"after kill {index + 1} the session was gone")
            progress(index + 1)
        kills = group.kills
        _mark(device, answered)
        listener.wait_for(len(answered), _PATIENCE_S)
        device.ask("session_stop")
        code = device.stop()
        arrived = {mark.id for mark in listener.received()}
        stored = markers(device.state)
        faults += damaged(device.state)
    lost, unstored = ([each for each in answered if each not in found] for found in (arrived, stored))
    faults += [f"it ended with code {code} when asked to stop"] if code else []
    faults += [f"{len(lost)} answered markers never came out of the feed"] if lost else []
    faults += [f"{len(unstored)} answered markers are not in the session's file"] if unstored else []
    return DrillOutcome(
        "oom",
        f"{has / _MIB:.0f} MiB in use and {_ROOM // _MIB} MiB to spare ({group.kind}), which something else eats up",
        (
            f"the kernel killed the device {taken} times (oom_kill {kills}); {len(answered)} markers were answered",
            "the session went on each time; outbox, session file and settings are whole",
        ),
        max(back),
        f"{len(lost)} answered markers on the feed, {len(unstored)} in the session's file",
        time.monotonic() - begun_s,
        tuple(faults),
    )


def _starved(device: DrillDevice, group: MemoryGroup, most: int, answered: list[str]) -> int | None:
    """Return the exit code after the memory is used up; free the memory afterwards."""
    Path(f"/proc/{device.pid}/oom_score_adj").write_text("1000", encoding="ascii")
    group.limit(most)
    ending = threading.Event()
    asking = threading.Thread(target=_mark_on, args=(device, answered, ending))
    asking.start()
    try:
        with _eater(group, most - _LEFT):
            return device.wait_ended(_EATEN_S)
    finally:
        ending.set()
        asking.join()
        group.limit(None)


@contextlib.contextmanager
def _eater(group: MemoryGroup, size: int) -> Iterator[None]:
    """Start a process in the group that takes ``size`` bytes; the kernel kills the device, which scores higher."""
    command = [*group.within, sys.executable, "-c", _EATER, str(size // _MIB)]
    eater = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        eater.kill()
        eater.wait()


def _mark_on(device: DrillDevice, answered: list[str], ending: threading.Event) -> None:
    while not ending.wait(0.02):
        _mark(device, answered)


def _mark(device: DrillDevice, answered: list[str]) -> None:
    """Set a marker; it counts if it was answered as saved."""
    with contextlib.suppress(EdgeError):
        event = device.ask("marker", label=f"m{len(answered)}")
        if "warning" not in event:
            answered.append(event["id"])
