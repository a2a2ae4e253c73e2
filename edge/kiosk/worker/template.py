"""A process that has loaded all that a handler needs, and makes a copy of itself for each visitor.

Loading takes seconds, a copy some milliseconds, and what was loaded is shared between the copies. The template itself
is given nothing that a visitor sent, so that every copy begins untouched.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from typing import TYPE_CHECKING

from edge.kiosk.worker.pauses import Pauses
from edge.kiosk.worker.program import Executed, Forked, Process
from edge.kiosk.worker.wire import Message, pack, receive

if TYPE_CHECKING:
    from edge.kiosk.worker.program import Program

_LOG = logging.getLogger(__name__)
START_TIMEOUT_S = 60.0
"""For imports and the network's loading, at the lowest priority beside a loop that takes what it needs."""
_REPLY_MAX = 65_536


class Template:
    """The origin of processes that are copies of one; used on one event loop.

    Where one of them dies by itself, the next ones are copies of a new template: they all lie at the same addresses in
    memory, which an attacker could otherwise find out crash by crash.

    Args:
        program: what is loaded.
        idle_s: seconds without a new process after which the template ends; processes that it made go on.
    """

    def __init__(self, program: Program, *, idle_s: float = 30.0) -> None:
        self.program = program
        self._idle_s = idle_s
        self._lock = asyncio.Lock()
        self._process: Executed | None = None
        self._control: socket.socket | None = None
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._idle: asyncio.TimerHandle | None = None
        self._loading: asyncio.Task[None] | None = None
        self._forks = True
        self._pauses = Pauses()

    @property
    def pid(self) -> int | None:
        """The template's process, while there is one."""
        return None if self._process is None else self._process.pid

    def prepare(self) -> None:
        """Begin to load, so that the first copy is there sooner; harmless when repeated."""
        if self._process is None and self._loading is None and self._forks:
            self._loading = asyncio.get_running_loop().create_task(self._load())
            self._loading.add_done_callback(self._end_loading)

    async def start(self, line: socket.socket, broker: socket.socket | None) -> tuple[Process, Message | None]:
        """Make a copy that answers on ``line``.

        Where the template cannot be copied, because a library has started threads, this is a new interpreter.

        Raises:
            OSError: it cannot be started, or could not be several times and rests.
        """
        async with self._lock:
            self.prepare()
            if self._loading is not None:
                await asyncio.shield(self._loading)  # others wait for it too
            if self._forks:
                self._stay()
                try:
                    return await self._fork(line, broker), None
                except BaseException:
                    self.retire()  # an answer that comes late is no other copy's
                    raise
                finally:
                    self._rest()
        return await self.program.start(line, broker)

    def crashed(self) -> None:
        """Take a new template for the next copy."""
        if self._loading is None:
            self.retire()

    def retire(self) -> None:
        """Make no more copies; the process ends with the last one that it made. Harmless when repeated."""
        process = self._let_go()
        if process is not None:
            process.leave()

    def kill(self) -> None:
        """End the template, and with it every copy of it."""
        if self._loading is not None:
            self._loading.cancel()
        process = self._let_go()
        if process is not None:
            process.kill()

    def _let_go(self) -> Executed | None:
        self._stay()
        writer, self._reader, self._writer = self._writer, None, None
        control, self._control = self._control, None
        if control is not None:
            control.close()
        if writer is not None:
            writer.close()
        process, self._process = self._process, None
        return process

    async def _load(self) -> None:
        if self._pauses.resting:
            raise OSError(None, "it failed again and again and rests for some seconds")
        try:
            ready = await self._introduce()
        except BaseException as error:
            process = self._let_go()
            if process is not None:
                process.kill()
            if not isinstance(error, asyncio.CancelledError):
                self._pauses.fail()
            raise
        self._pauses.succeed()
        self._forks = int(ready.head["threads"]) == 1
        if self._forks:
            self._rest()
        else:
            _LOG.warning("%s: a library has started threads: each visitor waits for loading", self.program.entry)
            self.retire()

    async def _introduce(self) -> Message:
        """Start the process; return what it says once it has loaded.

        Raises:
            OSError: it cannot load.
        """
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                self._process = self.program.execute(theirs, None, forks=True)
            except OSError:
                ours.close()
                raise
        self._control = ours.dup()
        self._reader, self._writer = await asyncio.open_connection(sock=ours, limit=_REPLY_MAX)
        self._writer.write(pack(self.program.first_message()))
        async with asyncio.timeout(START_TIMEOUT_S):
            ready = await self._reply()
        if "error" in ready.head:
            raise OSError(None, str(ready.head["error"]))
        return ready

    def _end_loading(self, task: asyncio.Task[None]) -> None:
        self._loading = None
        if not task.cancelled() and (error := task.exception()) is not None:
            _LOG.debug("%s cannot be loaded: %r", self.program.entry, error)  # who waits for it is told

    async def _fork(self, line: socket.socket, broker: socket.socket | None) -> Forked:
        if self._control is None:
            raise EOFError
        descriptors = [line.fileno(), *([] if broker is None else [broker.fileno()])]
        socket.send_fds(self._control, [b"f"], descriptors)
        async with asyncio.timeout(START_TIMEOUT_S):
            pid = int((await self._reply()).head["pid"])
        # the template has not waited for it: the number is no other process's
        return Forked(pid, os.pidfd_open(pid))

    async def _reply(self) -> Message:
        if self._reader is None:
            raise EOFError
        _, reply = await receive(self._reader, _REPLY_MAX)
        return reply

    def _rest(self) -> None:
        if self._process is not None:
            self._idle = asyncio.get_running_loop().call_later(self._idle_s, self.retire)

    def _stay(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None
