"""Run of a device: a calm phase, all floods at once, and the resulting measurements."""

from __future__ import annotations

import contextlib
import json
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from edge.bench.mosquitto import Mosquitto
from edge.kiosk.passwords import make_hash
from edge.sinks.mqtt.topics import Topics
from tests.drills.appliance import NODE, DrillDevice
from tests.drills.listener import DrillListener
from tests.soak.rounds import OwnerRounds, RoundSchedule
from tests.soak.verdict import AFTER, CALM, FLOOD, FloodBounds, FloodCheck, OwnerActions, given_back, judge
from tests.soak.watch import DeviceWatch, FloodSample, Operator, PageLoad

if TYPE_CHECKING:
    from collections.abc import Callable

PASSWORD = "correct horse battery staple"
FPS = 10.0
_ROOT = Path(__file__).parents[2]
_CALM_SHARE, _AFTER_SHARE, _LEAST_S = 0.15, 0.05, 5.0
_SAMPLE_S = 1.0
_NICENESS = "19"


@dataclass(frozen=True, slots=True)
class FloodReport:
    """Measurements of a run; ``floods`` counts the attacks."""

    broker: str
    seconds: float
    samples: tuple[FloodSample, ...]
    looks: tuple[PageLoad, ...]
    floods: dict[str, float]
    actions: OwnerActions
    checks: tuple[FloodCheck, ...]

    @property
    def passed(self) -> bool:
        """Return whether every check passed."""
        return all(check.passed for check in self.checks)

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return asdict(self) | {"passed": self.passed}

    def lines(self) -> list[str]:
        """Return lines for a terminal."""
        floods = ", ".join(f"{count:,.0f} {name}" for name, count in self.floods.items() if name != "t")
        return [
            f"soak under floods, {self.seconds:.0f} s, broker: {self.broker}",
            f"floods: {floods or 'none'}",
            "",
            f"{'':<28}{'calm':>12}{'flood':>16}  bound",
            *(check.line() for check in self.checks),
            "",
            "passed" if self.passed else "FAILED",
        ]


class Flooder:
    """Runs the floods in a process of the lowest priority, to reduce their effect on the measurement."""

    def __init__(self, *ports: int) -> None:
        words = ["nice", "-n", _NICENESS, sys.executable, "-m", "tests.soak.floods", *map(str, ports)]
        self._command = words
        self.counts: dict[str, float] = {}

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(self._command, stdout=subprocess.PIPE, text=True, cwd=_ROOT)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        return self

    def __exit__(self, *_: object) -> None:
        ended = self._process.poll()
        self._process.kill()
        self._process.wait()
        self._reader.join(5)
        if ended is not None and sys.exc_info()[0] is None:
            msg = f"the floods ended by themselves, with code {ended}"
            raise RuntimeError(msg)

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                self.counts = json.loads(line)


def soak(
    folder: Path,
    seconds: float,
    *,
    broker: str,
    bounds: FloodBounds,
    progress: Callable[[FloodSample], None] = lambda _: None,
) -> FloodReport:
    """Run the whole soak for about ``seconds``; ``broker`` is ``embedded`` or ``mosquitto``."""
    page, embedded, metrics = _free_ports(3)
    (folder / "password").write_text(make_hash(PASSWORD) + "\n", encoding="ascii")
    samples: list[FloodSample] = []
    with ExitStack() as stack:
        mosquitto = stack.enter_context(Mosquitto(folder / "broker")) if broker == "mosquitto" else None
        listener = None
        if mosquitto is not None:
            listener = stack.enter_context(DrillListener(mosquitto.port, Topics.of("face-edge", NODE)))
        uri = f"embedded:{embedded}" if mosquitto is None else mosquitto.uri
        device = stack.enter_context(_device(folder, uri, bounds.descriptors, page=page, metrics=metrics))
        device.wait_looking()
        operator = Operator(page, PASSWORD)
        rounds, watch = (
            OwnerRounds(device, operator, mosquitto),
            stack.enter_context(DeviceWatch(device, operator, page)),
        )

        def look(phase: str, until_s: float, work: Callable[[float], None] = lambda _: None) -> None:
            begun_s, watch.phase = watch.seconds, phase
            while (now_s := watch.seconds) < until_s:
                work((now_s - begun_s) / (until_s - begun_s))
                samples.append(watch.read())
                rounds.look(samples[-1])
                progress(samples[-1])
                time.sleep(max(0.0, now_s + _SAMPLE_S - watch.seconds))

        calm_s, after_s = max(_LEAST_S, _CALM_SHARE * seconds), max(_LEAST_S, _AFTER_SHARE * seconds)
        look(CALM, calm_s)
        with Flooder(page, embedded if mosquitto is None else mosquitto.port, metrics) as flooder:
            look(FLOOD, watch.seconds + max(_LEAST_S, seconds - calm_s - after_s), RoundSchedule(rounds).reach)
        rounds.end()
        look(AFTER, watch.seconds + after_s)
        # at the embedded broker, what clients sent before they went is still worked off
        latest_s = watch.seconds + bounds.given_back_s
        while not given_back(samples, bounds) and watch.seconds < latest_s:
            look(AFTER, watch.seconds + after_s)
        rounds.give_up()
        lost = None if listener is None else _lost(listener, rounds.markers)
        watch.phase = ""
        code = device.stop()
        actions = OwnerActions(
            sessions=len(rounds.sessions),
            sessions_kept=_kept(device.state, rounds.sessions),
            settings=len(rounds.settings),
            settings_kept=_brightness(device.state) == next(reversed(rounds.settings), None) and not rounds.refused,
            markers=len(rounds.markers),
            markers_lost=lost,
            back_s=tuple(rounds.back_s),
            exit_code=code,
            tracebacks=sum("Traceback (most recent call last)" in line for line in device.lines),
        )
        (folder / "device.log").write_text("\n".join(device.lines) + "\n", encoding="utf-8")
    looks = tuple(watch.looks)
    checks = judge(samples, looks, actions, bounds)
    return FloodReport(broker, watch.seconds, tuple(samples), looks, flooder.counts, actions, checks)


def _device(folder: Path, broker: str, descriptors: int, *, page: int, metrics: int) -> DrillDevice:
    return DrillDevice(
        folder,
        broker=broker,
        within=("prlimit", f"--nofile={descriptors}:{descriptors}"),
        source__uri="virtual:portrait",
        source__fps=FPS,
        kiosk__enabled=True,
        kiosk__host="127.0.0.1",
        kiosk__port=page,
        kiosk__password_file=folder / "password",
        kiosk__open_to_viewers=True,
        kiosk__visitors=True,
        metrics__enabled=True,
        metrics__port=metrics,
    )


def _lost(listener: DrillListener, markers: list[str]) -> int:
    deadline_s = time.monotonic() + 30
    while (lost := set(markers) - {mark.id for mark in listener.received()}) and time.monotonic() < deadline_s:
        time.sleep(0.2)
    return len(lost)


def _kept(state: Path, sessions: list[str]) -> int:
    with contextlib.closing(sqlite3.connect(state / f"sessions-{NODE}.sqlite3")) as database:
        kept = {row[0] for row in database.execute("SELECT id FROM session")}
    return len(kept & set(sessions))


def _brightness(state: Path) -> float | None:
    path = state / f"settings-{NODE}.json"
    found = json.loads(path.read_text(encoding="utf-8")).get("display_brightness") if path.exists() else None
    return None if found is None else float(found)


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]
