"""Wakes a thread that waits for the network."""

from __future__ import annotations

import contextlib
import socket


class Waker:
    """A pair of sockets: ``set`` from any thread makes the other end readable for whoever polls it."""

    def __init__(self) -> None:
        self._reader, self._writer = socket.socketpair()
        self._reader.setblocking(False)
        self._writer.setblocking(False)

    def fileno(self) -> int:
        """The descriptor to poll for reading."""
        return self._reader.fileno()

    def set(self) -> None:
        """Wake; harmless when repeated, and after ``close``."""
        # full: it is awake already; closed: nobody waits any more
        with contextlib.suppress(OSError):
            self._writer.send(b"\0")

    def clear(self) -> None:
        """Take note of all calls of ``set`` so far."""
        with contextlib.suppress(BlockingIOError):
            while self._reader.recv(4096):
                pass

    def close(self) -> None:
        """Give the descriptors back."""
        self._reader.close()
        self._writer.close()
