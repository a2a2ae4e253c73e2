"""Somebody who looks at the device's page: comes, reads the live stream, and goes."""

from __future__ import annotations

import http.client
import threading
from contextlib import closing, suppress
from typing import Self

_TIMEOUT_S = 10.0


class Viewer:
    """Reads ``/api/live`` on this machine's ``port`` on a thread of its own, between ``with`` and its end."""

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
        # what the page refuses or cuts off is seen by the number of updates
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
