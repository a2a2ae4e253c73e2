"""Program of a worker's process, its limits, and how the device starts it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from edge.kiosk.worker.wire import Limits, Message
from edge.sandbox.environment import minimal

if TYPE_CHECKING:
    import socket
    from collections.abc import Mapping

NICENESS = 19


class Process(Protocol):
    """A process that was started for a worker."""

    pid: int

    def signal(self, number: signal.Signals) -> None:
        """Send a signal; harmless once the process has ended."""

    def kill(self) -> None:
        """End it at once, and let go of it."""


class Origin(Protocol):
    """Origin of a worker's process."""

    @property
    def program(self) -> Program:
        """Return the program that it runs."""

    async def start(self, line: socket.socket, broker: socket.socket | None) -> tuple[Process, Message | None]:
        """Start a process that answers on ``line``; return it and what it must be sent first, if anything.

        Raises:
            OSError: it cannot be started.
        """

    def crashed(self) -> None:
        """Hear that a process died by itself."""


@dataclass(frozen=True, slots=True)
class Program:
    """A handler, its settings and its bounds; each :meth:`start` is a new interpreter that loads everything.

    Args:
        entry: ``module:function`` that is called in the process with ``settings`` and gives a handler: a function
            from :class:`Message` to an iterable of :class:`Message`, at least one.
        settings: plain values for JSON.
        limits: bounds of the process.
        niceness: how far below the loop's its priority is; :data:`NICENESS`, the lowest, by default.
        confined: it reads what strangers sent: it makes no connections and starts no programs, and opens only the
            files that :meth:`Worker.talk` names, where the system can do that.
    """

    entry: str
    settings: Mapping[str, Any]
    limits: Limits = field(default_factory=Limits)
    niceness: int | None = None
    confined: bool = True

    @property
    def program(self) -> Program:
        """Itself: it is the origin of processes that start from nothing."""
        return self

    async def start(self, line: socket.socket, broker: socket.socket | None) -> tuple[Process, Message | None]:
        """See :class:`Origin`."""
        return self.execute(line, broker), self.first_message()

    def crashed(self) -> None:
        """Nothing is left of a process that has died."""

    def first_message(self) -> Message:
        """Return what a new interpreter must be sent first."""
        return Message({"entry": self.entry, "settings": dict(self.settings), "limits": asdict(self.limits)})

    def execute(self, line: socket.socket, broker: socket.socket | None, *, forks: bool = False) -> Executed:
        """Start a new interpreter; one that ``forks`` makes processes on request, and answers nothing itself."""
        passed = [line.fileno(), -1 if broker is None else broker.fileno()]
        niceness = NICENESS if self.niceness is None else self.niceness
        module = "edge.kiosk.worker.fork" if forks else "edge.kiosk.worker.process"
        return Executed(
            subprocess.Popen(  # noqa: S603 - our own module; forks without copying, in under a millisecond
                [sys.executable, "-m", module, str(passed[0]), str(niceness), str(passed[1])],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,  # whose lines would pass for the device's own
                env=minimal(),
                pass_fds=[descriptor for descriptor in passed if descriptor >= 0],
            )
        )


class Executed:
    """A child process of the device."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self.pid = process.pid

    def signal(self, number: signal.Signals) -> None:
        """See :class:`Process`."""
        self._process.send_signal(number)

    def kill(self) -> None:
        """See :class:`Process`."""
        self._process.kill()
        self.leave()

    def leave(self) -> None:
        """Wait for its end elsewhere: even dying waits for a turn of the processor, which this thread must not."""
        threading.Thread(target=self._process.wait, name="worker-end", daemon=True).start()


class Forked:
    """A process that another one has made; ``descriptor`` is a handle of it (pidfd), so that no other is hit."""

    def __init__(self, pid: int, descriptor: int) -> None:
        self.pid = pid
        self._descriptor: int | None = descriptor

    def signal(self, number: signal.Signals) -> None:
        """See :class:`Process`."""
        if self._descriptor is not None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._descriptor, number)

    def kill(self) -> None:
        """See :class:`Process`."""
        self.signal(signal.SIGKILL)
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)
