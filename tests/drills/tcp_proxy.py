"""TCP proxy between device and broker that can be closed: clients are then disconnected."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from types import TracebackType

_CHUNK = 65_536


class TcpProxy:
    """A proxy on its own port for a local ``port``; initially open."""

    def __init__(self, port: int) -> None:
        self._behind = port
        self._server = socket.create_server(("127.0.0.1", 0))
        self._open = True
        self._lock = threading.Lock()
        self._ends: set[socket.socket] = set()
        self._thread = threading.Thread(target=self._accept, name="gate", daemon=True)

    @property
    def uri(self) -> str:
        """Return the address for ``mqtt.broker``."""
        return f"mqtt://127.0.0.1:{self._server.getsockname()[1]}"

    def open(self) -> None:
        """Accept connections."""
        self._open = True

    def shut(self) -> None:
        """Close every connection, and refuse new ones."""
        with self._lock:
            self._open = False
            for end in self._ends:
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.shut()
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self._thread.join()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._server.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(("127.0.0.1", self._behind)) if self._open else None
            except OSError:
                far = None
            with self._lock:
                if far is None or not self._open:
                    near.close()
                    if far is not None:
                        far.close()
                    continue
                self._ends |= {near, far}
            pumps = [threading.Thread(target=self._pump, args=pair, daemon=True) for pair in ((near, far), (far, near))]
            threading.Thread(target=self._serve, args=(pumps, near, far), daemon=True).start()

    def _serve(self, pumps: list[threading.Thread], *ends: socket.socket) -> None:
        for pump in pumps:
            pump.start()
        for pump in pumps:
            pump.join()
        with self._lock:
            self._ends.difference_update(ends)
        for end in ends:
            end.close()

    @staticmethod
    def _pump(source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while chunk := source.recv(_CHUNK):
                target.sendall(chunk)
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
