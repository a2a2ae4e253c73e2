"""The state's file system is read-only, as after errors of a memory card, and the device starts on it."""

from __future__ import annotations

import subprocess
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

from edge.bench.mosquitto import Mosquitto
from edge.sinks.mqtt.topics import Topics
from tests.drills.appliance import NODE, DrillDevice
from tests.drills.kill import damaged
from tests.drills.listener import DrillListener
from tests.drills.outcome import DrillOutcome
from tests.drills.small_disk import SmallDisk

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_PATIENCE_S = 30.0
_MARKS = 5


def run(folder: Path, *, events: int, seed: int, progress: Callable[[float], None]) -> DrillOutcome:
    """Start once to create the files, then on a read-only state, with a broker.

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
        (folder / "device").mkdir()
        (folder / "device" / "state").symlink_to(disk.folder, target_is_directory=True)
        device = stack.enter_context(DrillDevice(folder / "device", broker=broker.uri))
        device.wait_looking()
        answered = [event["id"] for event in device.mark(_MARKS)]
        listener.wait_for(len(answered), _PATIENCE_S)
        device.stop()
        _remount(disk.folder, "ro")
        stack.callback(_remount, disk.folder, "rw")
        before = len(device.lines)
        device.start()
        back_s = device.wait_looking()
        answered += [event["id"] for event in device.mark(_MARKS)]
        listener.wait_for(len(answered), _PATIENCE_S)
        _remount(disk.folder, "rw")
        if not _recovered(device):
            faults.append("the outbox is not written though it can be again")
        answered += [event["id"] for event in device.mark(_MARKS)]
        log_lines = device.lines[before:]
        progress(1)
        code = device.stop()
        listener.wait_for(len(answered), 2.0)
        arrived = {mark.id for mark in listener.received()}
        faults += damaged(disk.folder)
    lost = [each for each in answered if each not in arrived]
    faults += [f"it ended with code {code} when asked to stop"] if code else []
    faults += [f"{len(lost)} answered markers never came out of the feed"] if lost else []
    return DrillOutcome(
        "readonly",
        "a start with a state folder that can be read but not written",
        ("it looked, answered and published", f"{len(log_lines)} lines in the log: {' | '.join(log_lines[:4])}"),
        back_s,
        f"{len(lost)} of {len(answered)} answered markers",
        time.monotonic() - begun_s,
        tuple(faults),
    )


def _recovered(device: DrillDevice) -> bool:
    """Return whether the outbox writes its file again in time."""
    deadline_s = time.monotonic() + _PATIENCE_S
    while not any("can be written again" in line for line in device.lines):
        if time.monotonic() > deadline_s:
            return False
        time.sleep(0.1)
    return True


def _remount(folder: Path, how: str) -> None:
    command = ["mount", "-o", f"remount,{how}", str(folder)]
    subprocess.run(command, capture_output=True, check=False)
