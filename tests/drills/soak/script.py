"""What happens to the device meanwhile: a cycle of ticks, over and over, the same at equal phases.

A tick does its deeds right after a sample was taken, so that at the next sample the device has come to rest again.
"""

from __future__ import annotations

import http.client
import os
import signal
from collections import Counter
from contextlib import ExitStack, closing, suppress
from typing import TYPE_CHECKING, Any

from edge.core.errors import EdgeError
from tests.drills.soak.viewer import Viewer

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.drills.appliance import Appliance
    from tests.drills.tcp_proxy import TcpProxy

_PATIENCE_S = 5.0
CYCLE = 24
"""Ticks; two minutes at one each five seconds."""


class Script:
    """Does to ``device`` what a day brings; ``done`` counts it, ``answered`` has the ids of what must arrive."""

    def __init__(self, device: Appliance, gate: TcpProxy, *, page: int, metrics: int) -> None:
        self._device, self._gate, self._page, self._metrics = device, gate, page, metrics
        self._viewers: list[Viewer] = []
        self._stack = ExitStack()
        self._broker, self._camera, self._paused, self._session = True, True, False, False
        self.done: Counter[str] = Counter()
        self.answered: list[str] = []
        self._deeds: dict[int, Callable[[], None]] = {
            1: self._begin_session,
            2: self._toggle_pause,
            3: self._toggle_pause,
            4: self._look,
            8: self._leave,
            10: lambda: self._look(2),
            13: self._leave,
            15: lambda: self._let_through(on=False),
            18: lambda: self._let_through(on=True),
            20: lambda: self._plug(on=False),
            21: lambda: self._plug(on=True),
            23: self._end_session,
        }

    @property
    def going_on(self) -> dict[str, Any]:
        """As a sample has it."""
        return {
            "session": self._session,
            "viewers": len(self._viewers),
            "broker": self._broker,
            "looking": self._camera and not self._paused,
        }

    def tick(self, phase: int) -> None:
        """Set a marker, ask for the metrics, and do what is due."""
        with suppress(EdgeError):  # a busy machine: what was not answered need not arrive
            self.answered.append(str(self._device.ask("marker", label=f"phase {phase}")["id"]))
            self.done["markers"] += 1
        self._scrape()
        self._deeds.get(phase, lambda: None)()

    def end(self) -> None:
        """Everything as it was: camera and broker there, no pause, nobody at the page, no session."""
        if self._paused:
            self._toggle_pause()
        self._leave()
        self._let_through(on=True)
        self._plug(on=True)
        self._end_session()

    def _begin_session(self) -> None:
        with suppress(EdgeError):
            self._device.ask("session_start", title="soak")
            self.done["sessions"] += 1
        self._session = True

    def _end_session(self) -> None:
        if self._session:
            with suppress(EdgeError):
                self._device.ask("session_stop")
        self._session = False

    def _toggle_pause(self) -> None:
        with suppress(ProcessLookupError):  # that it has ended shows in the next sample
            os.kill(self._device.pid, signal.SIGUSR1)
        self._paused = not self._paused
        self.done["pauses"] += self._paused

    def _scrape(self) -> None:
        with (
            suppress(OSError, http.client.HTTPException),  # counted where it works
            closing(http.client.HTTPConnection("127.0.0.1", self._metrics, timeout=_PATIENCE_S)) as asker,
        ):
            asker.request("GET", "/metrics")
            self.done["scrapes"] += asker.getresponse().status == http.client.OK

    def _look(self, count: int = 1) -> None:
        self._viewers += [self._stack.enter_context(Viewer(self._page)) for _ in range(count)]

    def _leave(self) -> None:
        self._stack.close()
        self.done["viewers"] += len(self._viewers)
        self.done["updates"] += sum(viewer.updates for viewer in self._viewers)
        self._viewers.clear()

    def _let_through(self, *, on: bool) -> None:
        if self._broker and not on:
            self._gate.shut()
            self.done["outages"] += 1
        elif on:
            self._gate.open()
        self._broker = on

    def _plug(self, *, on: bool) -> None:
        if self._camera != on:
            self._device.inject("ok" if on else "unplug")
            self.done["unplugs"] += not on
        self._camera = on
