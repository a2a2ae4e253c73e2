"""Script of a soak: a repeated cycle of ticks with the same actions at equal phases.

A tick acts directly after a sample, so that the device is idle again at the next one.
"""

from __future__ import annotations

import http.client
import os
import signal
from collections import Counter
from contextlib import ExitStack, closing, suppress
from typing import TYPE_CHECKING, Any

from edge.core.errors import EdgeError
from tests.drills.soak.viewer import LiveViewer

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.drills.appliance import DrillDevice
    from tests.drills.tcp_proxy import TcpProxy

_PATIENCE_S = 5.0
CYCLE = 24
"""Ticks per cycle: two minutes at one every five seconds."""


class SoakScript:
    """Applies daily events to ``device``; ``done`` counts them, ``answered`` has the ids of the markers to expect."""

    def __init__(self, device: DrillDevice, proxy: TcpProxy, *, page: int, metrics: int) -> None:
        self._device, self._gate, self._page, self._metrics = device, proxy, page, metrics
        self._viewers: list[LiveViewer] = []
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
        """Return the current activity for a sample."""
        return {
            "session": self._session,
            "viewers": len(self._viewers),
            "broker": self._broker,
            "looking": self._camera and not self._paused,
        }

    def tick(self, phase: int) -> None:
        """Set a marker, request the metrics, and run the actions that are due."""
        with suppress(EdgeError):  # unanswered on a busy machine: need not arrive
            self.answered.append(str(self._device.ask("marker", label=f"phase {phase}")["id"]))
            self.done["markers"] += 1
        self._scrape()
        self._deeds.get(phase, lambda: None)()

    def end(self) -> None:
        """Restore the initial state: camera and broker present, no pause, no page viewer, no session."""
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
        with suppress(ProcessLookupError):  # its end shows in the next sample
            os.kill(self._device.pid, signal.SIGUSR1)
        self._paused = not self._paused
        self.done["pauses"] += self._paused

    def _scrape(self) -> None:
        with (
            suppress(OSError, http.client.HTTPException),  # counted on success
            closing(http.client.HTTPConnection("127.0.0.1", self._metrics, timeout=_PATIENCE_S)) as asker,
        ):
            asker.request("GET", "/metrics")
            self.done["scrapes"] += asker.getresponse().status == http.client.OK

    def _look(self, count: int = 1) -> None:
        self._viewers += [self._stack.enter_context(LiveViewer(self._page)) for _ in range(count)]

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
