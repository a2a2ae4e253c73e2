"""The network between device and broker drops all packets silently, and recovers."""

from __future__ import annotations

import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

from edge.bench.mosquitto import Mosquitto
from edge.sinks.mqtt.topics import Topics
from tests.drills.appliance import NODE, DrillDevice
from tests.drills.kill import damaged
from tests.drills.listener import DrillListener
from tests.drills.outcome import DrillOutcome
from tests.drills.wire import NetworkLink

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

KEEPALIVE_S = 5
AWAY_S = 10.0
"""Seconds of the partition after the device has noticed it; the broker has then given up the device as well."""
_PATIENCE_S = 60.0
_MARKS = 10


def run(
    folder: Path, *, events: int, seed: int, progress: Callable[[float], None], away_s: float = AWAY_S
) -> DrillOutcome:
    """Cut the network ``events`` times, with markers before, during and after.

    Raises:
        HardwareUnavailable: no network namespace can be created here, or Mosquitto is missing.
    """
    del seed
    begun_s, faults = time.monotonic(), []
    noticed, back, waited = [], [], []
    with ExitStack() as stack:
        wire = stack.enter_context(NetworkLink())
        broker = stack.enter_context(Mosquitto(folder / "broker", also=wire.host))
        listener = stack.enter_context(DrillListener(broker.port, Topics.of("face-edge", NODE)))
        uri = f"mqtt://{wire.host}:{broker.port}"
        device = DrillDevice(folder, broker=uri, within=wire.inside, mqtt__keepalive_s=KEEPALIVE_S)
        stack.enter_context(device)
        device.wait_looking()
        answered = _marked(device, listener, [])
        for index in range(events):
            line_count = len(device.lines)
            wire.cut()
            noticed.append(_until_logged(device, line_count, wire.host))
            answered += [event["id"] for event in device.mark(_MARKS)]
            time.sleep(away_s)
            waited.append(int(device.status()["health"]["queue_depth"]))
            before = listener.count
            wire.restore()
            mended_s = time.monotonic()
            answered = _marked(device, listener, answered)
            back.append(time.monotonic() - mended_s)
            if before >= len(answered):
                faults.append("messages came through while the wire was cut")
            progress(index + 1)
        broker_lines = [line for line in device.lines if wire.host in line]
        code = device.stop()
        arrived = {mark.id for mark in listener.received()}
        faults += damaged(device.state)
    lost = [each for each in answered if each not in arrived]
    faults += [f"it ended with code {code} when asked to stop"] if code else []
    faults += [f"{len(lost)} answered markers never came out of the feed"] if lost else []
    faults += [f"it said nothing within {_PATIENCE_S:.0f} s"] if max(noticed) >= _PATIENCE_S else []
    faults += ["nothing waited while the wire was cut"] if min(waited) < _MARKS else []
    return DrillOutcome(
        "partition",
        f"the network to the broker dead without a reset, {events} times, {away_s:.0f} s after the device had noticed",
        (
            f"said {max(noticed):.1f} s later at most (keepalive {KEEPALIVE_S} s); {max(waited)} messages waited",
            f"{len(broker_lines)} lines in the log: {' | '.join(broker_lines[:4])}",
        ),
        max(back),
        f"{len(lost)} of {len(answered)} answered markers",
        time.monotonic() - begun_s,
        tuple(faults),
    )


def _marked(device: DrillDevice, listener: DrillListener, answered: list[str]) -> list[str]:
    """Set a few more markers when all have arrived."""
    answered = answered + [event["id"] for event in device.mark(_MARKS)]
    deadline_s = time.monotonic() + _PATIENCE_S
    while not set(answered) <= {mark.id for mark in listener.received()} and time.monotonic() < deadline_s:
        time.sleep(0.05)
    return answered


def _until_logged(device: DrillDevice, before: int, broker: str) -> float:
    """Return the seconds until the device logs something about the broker."""
    begun_s = time.monotonic()
    while not any(broker in line for line in device.lines[before:]) and time.monotonic() - begun_s < _PATIENCE_S:
        time.sleep(0.05)
    return time.monotonic() - begun_s
