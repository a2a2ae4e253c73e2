"""The device is killed with SIGKILL at random moments during a session, and restarted."""

from __future__ import annotations

import random
import sqlite3
import time
from contextlib import ExitStack, closing, suppress
from typing import TYPE_CHECKING, Any

from edge.bench.mosquitto import Mosquitto
from edge.core.errors import EdgeError
from edge.sinks.mqtt.topics import Topics
from tests.drills.appliance import NODE, DrillDevice
from tests.drills.listener import DrillListener
from tests.drills.outcome import DrillOutcome

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_ALIVE_S = (0.05, 1.5)
_MARK_EVERY_S = 0.06
_AT_THE_ANSWER = 0.5
"""Share of the kills directly after the answer to a marker; the others come at random times."""
_PATIENCE_S = 20.0


def run(folder: Path, *, events: int, seed: int, progress: Callable[[float], None]) -> DrillOutcome:
    """Kill ``events`` times while markers are set faster than by any user."""
    chance, begun_s = random.Random(seed), time.monotonic()
    answered: list[dict[str, Any]] = []
    back: list[float] = []
    with ExitStack() as stack:
        broker = stack.enter_context(Mosquitto(folder / "broker"))
        listener = stack.enter_context(DrillListener(broker.port, Topics.of("face-edge", NODE)))
        device = stack.enter_context(DrillDevice(folder, broker=broker.uri))
        device.wait_looking()
        session = device.ask("session_start", title="drill")["id"]
        faults = []
        for index in range(events):
            _mark(device, answered, chance.uniform(*_ALIVE_S), chance)
            if chance.random() < _AT_THE_ANSWER:
                _mark_once(device, answered)
            back_s, goes_on = device.come_back(session)
            back.append(back_s)
            if not goes_on:
                faults.append(f"after kill {index + 1} the session was gone")
            progress(index + 1)
        _mark(device, answered, 0.2, chance)
        device.ask("session_stop")
        deadline_s = time.monotonic() + _PATIENCE_S
        while device.status()["health"]["queue_depth"] and time.monotonic() < deadline_s:
            time.sleep(0.1)
        code = device.stop()
        received = listener.received()
        marked = markers(folder / "state")
    if code:
        faults.append(f"it ended with code {code} when asked to stop")
    faults += damaged(folder / "state")
    arrived = {mark.id for mark in received}
    saved = [event["id"] for event in answered if "warning" not in event]
    lost = [each for each in saved if each not in arrived]
    unstored = [each for each in saved if each not in marked]
    faults += [f"{len(lost)} answered markers never came out of the feed"] if lost else []
    faults += [f"{len(unstored)} answered markers are not in the session's file"] if unstored else []
    return DrillOutcome(
        "kill",
        f"SIGKILL {events} times at random, in a session, while markers were set",
        (
            f"{len(saved):,} markers were answered as done, {len(arrived):,} different messages came through",
            f"{len(answered) - len(saved)} more were answered with the warning that they were not on the disk yet",
            "the session went on each time; outbox, session file and settings are whole",
        ),
        max(back),
        f"{len(lost)} answered markers on the feed, {len(unstored)} in the session's file",
        time.monotonic() - begun_s,
        tuple(faults),
    )


def _mark(device: DrillDevice, answered: list[dict[str, Any]], seconds: float, chance: random.Random) -> None:
    until_s = time.monotonic() + seconds
    while time.monotonic() < until_s:
        _mark_once(device, answered)
        time.sleep(chance.uniform(0, _MARK_EVERY_S))


def _mark_once(device: DrillDevice, answered: list[dict[str, Any]]) -> None:
    with suppress(EdgeError):
        answered.append(device.ask("marker", label=f"m{len(answered)}"))


def markers(state: Path) -> set[str]:
    """Return the ids of the markers in the session's file."""
    ids: set[str] = set()
    for path in state.glob("sessions-*.sqlite3"):
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as file:
            ids |= {str(row[0]) for row in file.execute("SELECT id FROM happening WHERE type = 'marker'")}
    return ids


def damaged(state: Path) -> list[str]:
    """Return what SQLite reports as wrong in any file of the device, and other damage."""
    faults = []
    for path in state.glob("*.sqlite3"):
        with closing(sqlite3.connect(path)) as file:
            verdict = file.execute("PRAGMA integrity_check").fetchone()[0]
        if verdict != "ok":
            faults.append(f"{path.name}: {verdict}")
    return faults + [f"{path.name}: was set aside as damaged" for path in state.glob("*.damaged*")]
