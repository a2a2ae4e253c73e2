"""Viewer of the device's page: connects, reads the live stream, and disconnects."""

from __future__ import annotations

import http.client
import threading
from contextlib import closing, suppress
from typing import Self

_TIMEOUT_S = 10.0


class LiveViewer:
    """Context manager that reads ``/api/live`` on a local ``port`` on its own thread."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._leaving = threading.Event()
        self._thread = threading.Thread(target=self._look, name="viewer", daemon=True)
        self.updates = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._leaving.set()
        self._thread.join(_TIMEOUT_S)

    def _look(self) -> None:
        # refused or closed streams show in the number of updates
        with suppress(OSError, http.client.HTTPException), self._connection() as visit:
            visit.request("GET", "/")
            visit.getresponse().read()
            visit.request("GET", "/api/visit")
            answer = visit.getresponse()
            answer.read()
            cookie = (answer.headers["set-cookie"] or "").partition(";")[0]
            visit.request("GET", "/api/live", headers={"Cookie": cookie})
            with visit.getresponse() as stream:
                while not self._leaving.is_set() and (line := stream.readline()):
                    self.updates += line.startswith(b"event: ")

    def _connection(self) -> closing[http.client.HTTPConnection]:
        return closing(http.client.HTTPConnection("127.0.0.1", self._port, timeout=_TIMEOUT_S))
