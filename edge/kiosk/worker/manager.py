"""The device's side of a worker: starts it, asks it, ends it when it is idle, starts it anew when it dies."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
from typing import TYPE_CHECKING

from edge.kiosk.worker.pauses import Pauses
from edge.kiosk.worker.template import START_TIMEOUT_S
from edge.kiosk.worker.wire import Message, OutOfBounds, pack, receive
from edge.sandbox.broker import Access, FileBroker, start_broker
from edge.sandbox.confine import why_not

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from edge.kiosk.worker.program import Origin, Process

_LOG = logging.getLogger(__name__)
_CONFINE_S = 5.0
NOTHING = Access()


class WorkerFailed(Exception):
    """The worker died, took too long or cannot start; what it was asked is not done."""


class Worker:
    """One process that does one thing after another; used on one event loop.

    Args:
        origin: what the process runs: a program that is started anew, or a template of which it is a copy.
        idle_s: seconds without work after which the process ends.
    """

    def __init__(self, origin: Origin, *, idle_s: float = 30.0) -> None:
        self._origin = origin
        self._idle_s = idle_s
        self._broker: FileBroker | None = None
        self._lock = asyncio.Lock()
        self._process: Process | None = None
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._idle: asyncio.TimerHandle | None = None
        self._paused = False
        self._pauses = Pauses()

    @property
    def pid(self) -> int | None:
        """The process, while there is one."""
        return None if self._process is None else self._process.pid

    async def ask(self, message: Message, *, timeout_s: float, access: Access = NOTHING) -> Message:
        """Return the last message of the answer.

        Raises:
            WorkerFailed: there is none; the next message finds a new process.
        """
        answer = Message()
        async with contextlib.aclosing(self.talk(message, timeout_s=timeout_s, access=access)) as answers:
            async for answer in answers:  # noqa: B007 - the last one counts
                pass
        return answer

    async def talk(
        self, message: Message, *, timeout_s: float, access: Access = NOTHING
    ) -> AsyncGenerator[Message, None]:
        """Yield the messages of the answer as they come, each within ``timeout_s`` of the one before.

        ``access`` names the files and folders that a confined process may open for this message.
        One who stops listening before the end also stops the work: the process is ended.

        Raises:
            WorkerFailed: as in :meth:`ask`.
        """
        async with self._lock:
            self._stay()
            done = False
            try:
                if self._process is None:
                    await self._start()
                if self._broker is not None:
                    self._broker.access = access
                async with asyncio.timeout(timeout_s):
                    await self._send(message)
                while True:
                    async with asyncio.timeout(timeout_s):
                        done, answer = await self._receive()
                    if done:
                        break
                    yield answer
                self._pauses.succeed()
            except TimeoutError:
                self._pauses.fail()
                msg = f"the worker took longer than {timeout_s:g} s"
                raise WorkerFailed(msg) from None
            except (OSError, EOFError, OutOfBounds) as error:
                self._pauses.fail()
                if self._process is not None:  # else it was ended here
                    self._origin.crashed()
                msg = f"the worker failed: {error or type(error).__name__}"
                raise WorkerFailed(msg) from None
            finally:
                if self._broker is not None:
                    self._broker.access = NOTHING
                if done:
                    self._rest()
                else:
                    self.kill()

    def pause(self) -> None:
        """Let the process stand still until :meth:`resume`; one that is only starting does so once it has."""
        self._paused = True
        if self._process is not None:
            self._process.signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let the process go on."""
        self._paused = False
        if self._process is not None:
            self._process.signal(signal.SIGCONT)

    def kill(self) -> None:
        """End the process at once, whatever it does; harmless when repeated."""
        self._stay()
        process, self._process = self._process, None
        self._broker = None  # its thread ends with the process
        writer, self._reader, self._writer = self._writer, None, None
        if writer is not None:
            writer.close()
        if process is not None:
            process.kill()

    async def _start(self) -> None:
        if self._pauses.resting:
            msg = "the worker failed again and again and rests for some seconds"
            raise WorkerFailed(msg)
        ours, theirs = socket.socketpair()
        confined = self._origin.program.confined
        started = start_broker() if confined else None
        self._broker, asking = started or (None, None)
        try:
            self._process, first = await self._origin.start(theirs, asking)
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
            if asking is not None:
                asking.close()
        self._reader, self._writer = await asyncio.open_connection(sock=ours, limit=2**18)
        if first is not None:
            await self._send(first)
        async with asyncio.timeout(START_TIMEOUT_S):
            _, ready = await self._receive()
        if "error" in ready.head:
            raise OSError(ready.head["error"])
        if confined and (self._broker is None or not self._broker.wait(_CONFINE_S)):
            _LOG.warning("files of visitors are read without confinement: %s", why_not() or "the kernel refuses it")
        if self._paused:
            self.pause()

    async def _send(self, message: Message) -> None:
        if self._writer is None:
            raise EOFError
        self._writer.write(pack(message))
        await self._writer.drain()

    async def _receive(self) -> tuple[bool, Message]:
        if self._reader is None:
            raise EOFError
        return await receive(self._reader, self._origin.program.limits.message)

    def _rest(self) -> None:
        self._idle = asyncio.get_running_loop().call_later(self._idle_s, self.kill)

    def _stay(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None
