"""Wake-up of a thread that waits for the network."""

from __future__ import annotations

import contextlib
import socket


class Waker:
    """A pair of sockets: ``set`` from any thread makes the other end readable for a poll."""

    def __init__(self) -> None:
        self._reader, self._writer = socket.socketpair()
        self._reader.setblocking(False)
        self._writer.setblocking(False)

    def fileno(self) -> int:
        """Return the descriptor to poll for reading."""
        return self._reader.fileno()

    def set(self) -> None:
        """Wake the polling thread; harmless if repeated or after ``close``."""
        # full: already awake; closed: nothing waits any more
        with contextlib.suppress(OSError):
            self._writer.send(b"\0")

    def clear(self) -> None:
        """Consume all earlier calls of ``set``."""
        with contextlib.suppress(BlockingIOError):
            while self._reader.recv(4096):
                pass

    def close(self) -> None:
        """Close the sockets."""
        self._reader.close()
        self._writer.close()
