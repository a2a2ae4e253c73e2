"""A template's process: ``python -m edge.kiosk.worker.fork FD NICENESS -1``, started by a ``Template``.

It loads the handler that the first message names, then makes a copy of itself for each byte that comes on its line,
with the descriptors that come with it: the copy's line to the device, and its broker. It reads nothing else.
"""

from __future__ import annotations

import contextlib
import gc
import os
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from edge.kiosk.worker.process import confine_and_serve, die_with_parent, introduced, lower
from edge.kiosk.worker.wire import Message, pack

if TYPE_CHECKING:
    from edge.kiosk.worker.process import Handler
    from edge.kiosk.worker.wire import Limits


def main(descriptor: int, niceness: int) -> None:
    """Load, then fork on request until the device hangs up; stay until the last of the copies has ended."""
    lower(niceness)
    with socket.socket(fileno=descriptor) as line:
        loaded = introduced(line)
        if loaded is None:
            return
        handle, limits = loaded
        gc.collect()
        gc.freeze()  # a collection in a copy would touch, and so copy, what all of them share
        line.sendall(pack(Message({"threads": len(list(Path("/proc/self/task").iterdir()))})))
        with contextlib.suppress(ConnectionError):
            _fork_on_request(line, handle, limits)
    with contextlib.suppress(ChildProcessError):
        while True:
            os.wait()


def _fork_on_request(line: socket.socket, handle: Handler, limits: Limits) -> None:
    template = os.getpid()
    while True:
        request, descriptors, _, _ = socket.recv_fds(line, 1, 2)
        if not request:
            return
        _forget_the_dead()
        pid = os.fork()
        if pid == 0:
            try:
                line.close()
                die_with_parent()
                if os.getppid() == template:
                    _serve(descriptors, handle, limits)
            finally:
                os._exit(0)  # whatever happens
        for descriptor in descriptors:
            os.close(descriptor)
        line.sendall(pack(Message({"pid": pid})))


def _serve(descriptors: list[int], handle: Handler, limits: Limits) -> None:
    own, broker = descriptors if len(descriptors) > 1 else (descriptors[0], -1)
    with socket.socket(fileno=own) as line:
        confine_and_serve(line, broker, handle, limits)


def _forget_the_dead() -> None:
    """Wait for copies that have ended: only now, so that the device can take hold of each by its number."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


if __name__ == "__main__":
    main(*map(int, sys.argv[1:3]))
