"""A device under floods as it is seen from outside: its process, its own counters, and its page."""

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

    from tests.drills.appliance import Appliance

SCREEN, OPERATOR = "127.0.0.1", "127.0.0.9"
"""The wall page's address, on the device itself, and an operator's."""
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_PATIENCE_S, _EVERY_S = 10.0, 1.0
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Sample:
    """The device at one moment, ``t_s`` after the beginning.

    ``anonymous_mb`` is what the process has written itself, swapped pages included; ``helpers`` are its children, which
    read strangers' files. ``status`` is false where the local socket gave no answer; the counters are then the last
    ones.
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
class Look:
    """Somebody asked for a page; ``took_ms`` is ``None`` where it was refused or did not come in time."""

    who: str
    t_s: float
    phase: str
    took_ms: float | None


class Operator:
    """Someone who has logged in before the floods begin, and who goes on working."""

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
        """How long a page that only operators see takes; ``None``: it was refused or did not come."""
        return timed_ms(self._port, OPERATOR, "/operator", **self._sent)

    def dim(self, brightness: float) -> bool:
        """Set the displays' brightness, which is one of the settings; whether that was answered well."""
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
    """How long one page takes over a new connection; ``None`` where the answer is not 200."""

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
    """The result of ``work``.

    Raises:
        OSError: it failed, or took too long.
    """

    async def bounded() -> Result:
        return await asyncio.wait_for(work, _PATIENCE_S)

    return asyncio.run(bounded())


class Watch:
    """Looks at one device, between ``with`` and its end; its page is asked for once a second, by each who looks."""

    def __init__(self, device: Appliance, operator: Operator, port: int) -> None:
        self._device = device
        self._begun_s = time.monotonic()
        self._frames, self._broker = 0, False
        self._over = threading.Event()
        self.phase = ""
        self.looks: list[Look] = []
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
                self.looks.append(Look(who, round(t_s, 2), phase, took_ms))
            self._over.wait(_EVERY_S)

    @property
    def seconds(self) -> float:
        """Since the beginning."""
        return time.monotonic() - self._begun_s

    def read(self) -> Sample:
        """Everything, now.

        Raises:
            OSError: the process is gone.
        """
        pid = self._device.pid
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        work = self._device.status().get("work", {})
        self._frames, self._broker = work.get("frames", self._frames), work.get("broker", False)
        t_s = self.seconds
        return Sample(
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
