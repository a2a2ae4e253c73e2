"""The disk of the device's state is full for a while: work continues in memory and is written later."""

from __future__ import annotations

import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

from edge.bench.mosquitto import Mosquitto
from edge.sinks.mqtt.topics import Topics
from tests.drills.appliance import NODE, DrillDevice
from tests.drills.kill import damaged, markers
from tests.drills.listener import DrillListener
from tests.drills.outcome import DrillOutcome
from tests.drills.small_disk import SmallDisk

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_PATIENCE_S = 40.0
_MARKS = 10


def run(folder: Path, *, events: int, seed: int, progress: Callable[[float], None]) -> DrillOutcome:
    """Fill the disk in a session, set markers, change a switch, free the space.

    Raises:
        HardwareUnavailable: no file system may be mounted here.
    """
    del events, seed
    begun_s, faults = time.monotonic(), []
    with ExitStack() as stack:
        disk = stack.enter_context(SmallDisk(folder / "disk"))
        disk.must_be_mounted()
        broker = stack.enter_context(Mosquitto(folder / "broker"))
        listener = stack.enter_context(DrillListener(broker.port, Topics.of("face-edge", NODE)))
        device = stack.enter_context(DrillDevice(disk.folder, broker=broker.uri, sessions__k=1))
        device.wait_looking()
        device.ask("session_start", title="drill")
        answered = [event["id"] for event in device.mark(_MARKS)]
        disk.fill()
        before = len(device.lines)
        answered += [event["id"] for event in device.mark(_MARKS)]
        time.sleep(3)
        log_lines = device.lines[before:]
        disk.make_room()
        progress(1)
        back_s = _until_kept(disk.folder, answered)
        device.ask("session_stop")
        code = device.stop()
        listener.wait_for(len(answered), _PATIENCE_S)
        arrived = {mark.id for mark in listener.received()}
        stored = markers(disk.folder / "state")
        faults += damaged(disk.folder / "state")
    lost, unstored = ([each for each in answered if each not in found] for found in (arrived, stored))
    faults += [f"it ended with code {code} when asked to stop"] if code else []
    faults += [f"{len(lost)} answered markers never came out of the feed"] if lost else []
    faults += [f"{len(unstored)} answered markers are not in the session's file"] if unstored else []
    return DrillOutcome(
        "full",
        f"the state folder on {disk.kind}, full in a session",
        ("it went on looking and answering", f"{len(log_lines)} lines in the log: {' | '.join(log_lines[:4])}"),
        back_s,
        f"{len(lost)} of {len(answered)} answered markers on the feed, {len(unstored)} in the session's file",
        time.monotonic() - begun_s,
        tuple(faults),
    )


def _until_kept(folder: Path, answered: list[str]) -> float:
    """Return the seconds until the session's file has every marker."""
    begun_s = time.monotonic()
    while not set(answered) <= markers(folder / "state") and time.monotonic() - begun_s < _PATIENCE_S:
        time.sleep(0.2)
    return time.monotonic() - begun_s
