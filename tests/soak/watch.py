"""Observation of a device under floods from outside: its process, its own counters, and its page."""

from __future__ import annotations

import asyncio
import json
import os
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar

from tests.soak import wire

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from tests.drills.appliance import DrillDevice

SCREEN, OPERATOR = "127.0.0.1", "127.0.0.9"
"""Addresses of the wall page's viewer, on the device itself, and of an operator."""
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_PATIENCE_S, _EVERY_S = 10.0, 1.0
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class FloodSample:
    """State of the device at ``t_s`` after the start.

    ``anonymous_mb`` is memory written by the process itself, including swapped pages; ``helpers`` are its children,
    which read untrusted files. ``status`` is false without an answer on the local socket; the counters are then the
    last known ones.
    """

    t_s: float
    phase: str
    frames: int
    cpu_s: float
    anonymous_mb: float
    descriptors: int
    threads: int
    helpers: int
    log_kb: float
    disk_mb: float
    broker: bool
    status: bool


@dataclass(frozen=True, slots=True)
class PageLoad:
    """Request of a page; ``took_ms`` is ``None`` if it was refused or timed out."""

    who: str
    t_s: float
    phase: str
    took_ms: float | None


class Operator:
    """Operator who logs in before the floods start, and continues to work."""

    def __init__(self, port: int, password: str) -> None:
        self._port = port
        cookie, token = asyncio.run(wire.visit(port, OPERATOR))
        body = json.dumps({"password": password}).encode()
        sent = {"Cookie": cookie, "X_CSRF_Token": token}
        status, head, said = self._ask("POST", "/api/login", body, **sent)
        if status != 200:
            raise ConnectionRefusedError(said)
        cookie = next(
            line.partition(":")[2].partition(";")[0].strip()
            for line in head.splitlines()
            if line.lower().startswith("set-cookie:") and "_known" not in line.partition("=")[0]
        )
        self._sent = {"Cookie": cookie, "X_CSRF_Token": str(json.loads(said)["csrf"])}

    def look_ms(self) -> float | None:
        """Return the milliseconds of a page for operators, or ``None`` if it was refused or timed out."""
        return timed_ms(self._port, OPERATOR, "/operator", **self._sent)

    def dim(self, brightness: float) -> bool:
        """Set the displays' brightness setting; return whether it succeeded."""
        body = json.dumps({"brightness": brightness}).encode()
        try:
            return self._ask("POST", "/api/display", body, **self._sent)[0] == 200
        except OSError:
            return False

    def _ask(self, method: str, path: str, body: bytes, **sent: Any) -> tuple[int, str, bytes]:
        async def ask() -> tuple[int, str, bytes]:
            async with wire.connected(self._port, OPERATOR) as (reader, writer):
                writer.write(wire.request(method, path, body, Content_Type="application/json", **sent))
                return await wire.answer(reader)

        return within(ask())


def timed_ms(port: int, address: str, path: str, **sent: Any) -> float | None:
    """Return the milliseconds of one page over a new connection, or ``None`` if the status is not 200."""

    async def look() -> int:
        async with wire.connected(port, address) as (reader, writer):
            writer.write(wire.request("GET", path, **sent))
            return (await wire.answer(reader))[0]

    begun_s = time.monotonic()
    try:
        status = within(look())
    except OSError:
        return None
    return round((time.monotonic() - begun_s) * 1000, 1) if status == 200 else None


def within(work: Coroutine[Any, Any, Result]) -> Result:
    """Return the result of ``work``.

    Raises:
        OSError: it failed, or timed out.
    """

    async def bounded() -> Result:
        return await asyncio.wait_for(work, _PATIENCE_S)

    return asyncio.run(bounded())


class DeviceWatch:
    """Context manager that observes one device and requests its page once a second as each viewer."""

    def __init__(self, device: DrillDevice, operator: Operator, port: int) -> None:
        self._device = device
        self._begun_s = time.monotonic()
        self._frames, self._broker = 0, False
        self._over = threading.Event()
        self.phase = ""
        self.looks: list[PageLoad] = []
        work = {"the screen's page": lambda: timed_ms(port, SCREEN, "/about"), "an operator's page": operator.look_ms}
        self._threads = [threading.Thread(target=self._ask, args=each, daemon=True) for each in work.items()]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(2 * _PATIENCE_S)

    def _ask(self, who: str, look: Callable[[], float | None]) -> None:
        while not self._over.is_set():
            phase, t_s = self.phase, self.seconds
            took_ms = look()
            if phase and phase == self.phase:
                self.looks.append(PageLoad(who, round(t_s, 2), phase, took_ms))
            self._over.wait(_EVERY_S)

    @property
    def seconds(self) -> float:
        """Return the seconds since the start."""
        return time.monotonic() - self._begun_s

    def read(self) -> FloodSample:
        """Read all current values.

        Raises:
            OSError: the process has ended.
        """
        pid = self._device.pid
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        work = self._device.status().get("work", {})
        self._frames, self._broker = work.get("frames", self._frames), work.get("broker", False)
        t_s = self.seconds
        return FloodSample(
            t_s=round(t_s, 2),
            phase=self.phase,
            frames=self._frames,
            cpu_s=(int(stat[11]) + int(stat[12])) / _TICKS_PER_S,
            anonymous_mb=_anonymous_mb(pid),
            descriptors=len(os.listdir(f"/proc/{pid}/fd")),  # noqa: PTH208 - names are enough
            threads=int(stat[17]),
            helpers=len(Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()),
            log_kb=sum(len(line.encode()) + 1 for line in list(self._device.lines)) / 1000,
            disk_mb=_size_mb(self._device.state),
            broker=self._broker,
            status=bool(work),
        )


def _anonymous_mb(pid: int) -> float:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="utf-8").splitlines()[1:]
    values = {name: int(rest.split()[0]) for name, _, rest in (line.partition(":") for line in lines)}
    return round((values["Anonymous"] + values["Swap"]) * 1024 / 1e6, 1)


def _size_mb(folder: Path) -> float:
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.lstat().st_size
        except FileNotFoundError:  # a journal that has just gone
            continue
    return round(total / 1e6, 3)
