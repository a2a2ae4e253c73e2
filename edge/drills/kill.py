"""The whole device is killed with SIGKILL at random moments, in the middle of a session, and started again."""

from __future__ import annotations

import random
import sqlite3
import time
from contextlib import ExitStack, closing, suppress
from typing import TYPE_CHECKING

from edge.drills.appliance import NODE, Appliance
from edge.drills.listener import Listener
from edge.drills.mosquitto import Mosquitto
from edge.drills.outcome import Outcome
from edge.errors import EdgeError
from edge.sinks.mqtt.topics import Topics

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_ALIVE_S = (0.05, 1.5)
_MARK_EVERY_S = 0.03
_PATIENCE_S = 20.0
UNSAVED_S = 0.1
"""A marker is answered when the loop has taken it, and on the disk a moment later: a kill in between may take it."""


def run(folder: Path, *, events: int, seed: int, progress: Callable[[float], None]) -> Outcome:
    """Kill ``events`` times; meanwhile markers are set as fast as a person never could."""
    chance, begun_s = random.Random(seed), time.monotonic()
    answered: list[tuple[str, float]] = []
    kills: list[float] = []
    back: list[float] = []
    with ExitStack() as stack:
        broker = stack.enter_context(Mosquitto(folder / "broker"))
        listener = stack.enter_context(Listener(broker.port, Topics.of("face-edge", NODE)))
        device = stack.enter_context(Appliance(folder, broker=broker.uri))
        device.wait_looking()
        session = device.ask("session_start", title="drill")["id"]
        faults = []
        for index in range(events):
            _mark(device, answered, chance.uniform(*_ALIVE_S))
            kills.append(time.monotonic())
            device.kill()
            device.start()
            back.append(device.wait_looking())
            running = device.status()["session"]
            if running is None or running["id"] != session:
                faults.append(f"after kill {index + 1} the session was gone")
            progress(index + 1)
        _mark(device, answered, 0.2)
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
    missing = [(each, at_s) for each, at_s in answered if each not in arrived]
    unsaved = [each for each, at_s in missing if any(0 <= kill_s - at_s < UNSAVED_S for kill_s in kills)]
    lost = [each for each, _ in missing if each not in unsaved]
    unkept = [each for each, _ in answered if each not in marked]
    faults += [f"{len(lost)} answered markers never came out of the feed"] if lost else []
    faults += [f"{len(unkept)} answered markers are not in the session's file"] if unkept else []
    return Outcome(
        "kill",
        f"SIGKILL {events} times at random, in a session, while markers were set",
        (
            f"{len(answered):,} markers were answered, {len(arrived):,} different messages came through the broker",
            f"{len(unsaved)} answered in the last {UNSAVED_S:g} s before a kill were not on the disk yet",
            "the session went on each time; outbox, session file and settings are whole",
        ),
        max(back),
        f"{len(lost)} answered markers on the feed, {len(unkept)} in the session's file",
        time.monotonic() - begun_s,
        tuple(faults),
    )


def _mark(device: Appliance, answered: list[tuple[str, float]], seconds: float) -> None:
    until_s = time.monotonic() + seconds
    while time.monotonic() < until_s:
        with suppress(EdgeError):
            answered.append((device.ask("marker", label=f"m{len(answered)}")["id"], time.monotonic()))
        time.sleep(_MARK_EVERY_S)


def markers(state: Path) -> set[str]:
    """Ids of the markers that the session's file holds."""
    found: set[str] = set()
    for path in state.glob("sessions-*.sqlite3"):
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as file:
            found |= {str(row[0]) for row in file.execute("SELECT id FROM happening WHERE type = 'marker'")}
    return found


def damaged(state: Path) -> list[str]:
    """What SQLite finds wrong in any file of the device, and what else is broken."""
    faults = []
    for path in state.glob("*.sqlite3"):
        with closing(sqlite3.connect(path)) as file:
            verdict = file.execute("PRAGMA integrity_check").fetchone()[0]
        if verdict != "ok":
            faults.append(f"{path.name}: {verdict}")
    return faults + [f"{path.name}: was set aside as damaged" for path in state.glob("*.damaged*")]
