"""A Chromium that is spoken to over two pipes, with its DevTools protocol: no port that others could reach.

``--remote-debugging-pipe`` makes it read commands from file descriptor 3 and answer on 4, each message JSON that ends
with a zero byte; see https://chromedevtools.github.io/devtools-protocol/.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import select
import signal
import time
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType

_END = b"\0"
_ABOVE = 10
"""Our own ends must not be the numbers that the browser's ends get."""
_TERM_S = 3.0


class Stalled(Exception):
    """The browser does not answer, or not sensibly; its text says what was seen."""


class Browser:
    """A running browser, in a process group of its own; a context manager that ends it.

    Raises:
        OSError: it cannot be started.
    """

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        theirs_in, self._to = _pipe()
        self._from, theirs_out = _pipe()
        actions = [(os.POSIX_SPAWN_DUP2, theirs_in, 3), (os.POSIX_SPAWN_DUP2, theirs_out, 4)]
        try:
            self.pid = os.posix_spawnp(
                command[0], [*command, "--remote-debugging-pipe"], environment, file_actions=actions, setpgroup=0
            )
        except OSError:
            os.close(self._to)
            os.close(self._from)
            raise
        finally:
            os.close(theirs_in)
            os.close(theirs_out)
        self._buffer = b""
        self._number = 0
        self._session: str | None = None

    def attach(self, *, timeout_s: float) -> None:
        """Speak to the first page that is open.

        Raises:
            Stalled: there is none within ``timeout_s``.
        """
        deadline = time.monotonic() + timeout_s
        while True:
            targets = self.call("Target.getTargets", timeout_s=timeout_s)["targetInfos"]
            page = next((target for target in targets if target["type"] == "page"), None)
            if page is not None:
                break
            if time.monotonic() > deadline:
                msg = "it opened no page"
                raise Stalled(msg)
            time.sleep(0.2)
        arguments = {"targetId": page["targetId"], "flatten": True}
        self._session = self.call("Target.attachToTarget", arguments, timeout_s=timeout_s)["sessionId"]

    def call(self, method: str, arguments: Mapping[str, Any] | None = None, *, timeout_s: float) -> dict[str, Any]:
        """Return the result of a command.

        Raises:
            Stalled: none within ``timeout_s``, an error, or the browser has ended.
        """
        self._number += 1
        message = {"id": self._number, "method": method, "params": dict(arguments or {})}
        if self._session is not None:
            message["sessionId"] = self._session
        try:
            os.write(self._to, json.dumps(message).encode() + _END)
        except OSError:
            msg = "it has ended"
            raise Stalled(msg) from None
        deadline = time.monotonic() + timeout_s
        while True:
            answer = json.loads(self._message(deadline))
            if answer.get("id") == self._number:
                break
        if "error" in answer:
            msg = f"it refused {method}: {answer['error'].get('message')}"
            raise Stalled(msg)
        found: dict[str, Any] = answer["result"]
        return found

    def evaluate(self, expression: str, *, timeout_s: float) -> Any:
        """Return the value of a JavaScript expression in the page.

        Raises:
            Stalled: as :meth:`call`.
        """
        arguments = {"expression": expression, "returnByValue": True}
        return self.call("Runtime.evaluate", arguments, timeout_s=timeout_s)["result"].get("value")

    def end(self) -> None:
        """End it and all its processes, the stopped ones too; harmless when repeated."""
        pid, self.pid = self.pid, 0
        if not pid:
            return
        for end in (self._to, self._from):
            with contextlib.suppress(OSError):
                os.close(end)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGTERM)
        deadline = time.monotonic() + _TERM_S
        while os.waitpid(pid, os.WNOHANG) == (0, 0) and time.monotonic() < deadline:
            time.sleep(0.05)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, 0)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    def _message(self, deadline: float) -> bytes:
        while _END not in self._buffer:
            ready, _, _ = select.select([self._from], [], [], max(0.0, deadline - time.monotonic()))
            if not ready:
                msg = "it does not answer"
                raise Stalled(msg)
            piece = os.read(self._from, 2**16)
            if not piece:
                msg = "it has ended"
                raise Stalled(msg)
            self._buffer += piece
        message, _, self._buffer = self._buffer.partition(_END)
        return message


def _pipe() -> tuple[int, int]:
    """Both ends with high numbers, closed in other programs."""
    ends = os.pipe()
    raised = tuple(fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, _ABOVE) for end in ends)
    for end in ends:
        os.close(end)
    return raised[0], raised[1]
