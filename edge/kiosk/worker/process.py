"""The worker itself: ``python -m edge.kiosk.worker.process FD NICENESS BROKER``, started by its manager's ``Worker``.

It lowers itself before it imports anything heavy, dies with the device, and may gain no rights that it has not. Once
its handler is loaded, and before the first message, it confines itself (:mod:`edge.sandbox`) where ``BROKER`` is a
descriptor and not -1.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import os
import resource
import signal
import socket
import sys
from typing import TYPE_CHECKING, Any

from edge.kiosk.worker.wire import HEADER_BYTES, MIB, Limits, Message, lengths, pack, unpack
from edge.sandbox.confine import confine
from edge.sandbox.limits import bound, limit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Handler = Callable[[Message], Iterable[Message]]

_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38
"""From <linux/prctl.h>."""
_FIRST_MESSAGE = 16 * MIB


def main(descriptor: int, niceness: int, broker: int) -> None:
    """Lower ourselves, load what the first message names, then answer until the device hangs up."""
    lower(niceness)
    with socket.socket(fileno=descriptor) as line:
        loaded = introduced(line)
        if loaded is not None:
            confine_and_serve(line, broker, *loaded)


def lower(niceness: int) -> None:
    """Give way to the device, end with it, and gain no rights."""
    with contextlib.suppress(OSError):
        os.nice(niceness)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the device's, which then ends us
    die_with_parent()
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def die_with_parent() -> None:
    """Be killed when the process ends that started this one; a fork does not inherit that."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def introduced(line: socket.socket) -> tuple[Handler, Limits] | None:
    """Load what the first message names; ``None`` where nobody asks, or where it cannot be loaded, which is said."""
    first = _receive(line, _FIRST_MESSAGE)
    if first is None:
        return None
    limits = Limits(**first.head["limits"])
    try:
        return _load(first.head["entry"], first.head["settings"], limits), limits
    except Exception as error:  # noqa: BLE001 - its words are told where they can be read
        line.sendall(pack(Message({"error": _words(error)})))
        return None


def confine_and_serve(line: socket.socket, broker: int, handle: Handler, limits: Limits) -> None:
    """Confine this process, say that it is ready, and answer until the device hangs up."""
    _confine(broker)
    line.sendall(pack(Message()))
    with contextlib.suppress(ConnectionError):
        while (message := _receive(line, limits.message)) is not None:
            _answer(line, handle, message)


def _load(entry: str, settings: dict[str, Any], limits: Limits) -> Handler:
    bound(memory=limits.memory, cpu_s=limits.cpu_s)
    module, _, name = entry.partition(":")
    handler: Handler = getattr(importlib.import_module(module), name)(settings)
    # only now: libraries write to files in memory while they load, and those count as well
    limit(resource.RLIMIT_FSIZE, limits.file)
    return handler


def _confine(broker: int) -> None:
    """Confine this process where it was given a broker; the other end sees whether it worked."""
    if broker < 0:
        return
    with socket.socket(fileno=broker) as line, contextlib.suppress(OSError):
        confine(line)


def _answer(line: socket.socket, handle: Handler, message: Message) -> None:
    """Send what the handler gives, then that it is all; an error is an answer too."""
    try:
        for answer in handle(message):
            line.sendall(pack(answer, last=False))
    except ConnectionError:
        raise
    except MemoryError:
        line.sendall(pack(Message({"error": "out of memory"}), last=False))
    except Exception as error:  # noqa: BLE001 - one bad input is no reason to start anew
        line.sendall(pack(Message({"error": _words(error)}), last=False))
    line.sendall(pack(Message()))


def _words(error: BaseException) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:500]


def _receive(line: socket.socket, most: int) -> Message | None:
    header = _exactly(line, HEADER_BYTES)
    if header is None:
        return None
    head_length, body_length = lengths(header, most)
    head = _exactly(line, head_length)
    body = _exactly(line, body_length)
    return None if head is None or body is None else unpack(head, body)[1]


def _exactly(line: socket.socket, count: int) -> bytes | None:
    """So many bytes, or ``None`` where the device has hung up."""
    found = bytearray()
    while len(found) < count:
        piece = line.recv(min(count - len(found), MIB))
        if not piece:
            return None
        found += piece
    return bytes(found)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:4]))
