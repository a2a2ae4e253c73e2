"""Simulated visitors of the page: ``python -m tests.drills.load.crowd URL VIEWERS CAMERAS UPLOAD-FILE``.

Viewers read the live stream, cameras send a face repeatedly with one frame in flight, the uploader sends a file and the
next one when it is processed. The program prints one JSON line per second with the counts of each kind.
"""

from __future__ import annotations

import base64
import http.client
import itertools
import json
import os
import sys
import threading
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge.sources.virtual import PORTRAIT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_TIMEOUT_S = 120.0
_PAUSE_S = 1.0
_HEAD_BYTES = 512
_OVER = {"done", "failed", "cancelled"}
Address = tuple[str, int]
_NUMBERS = itertools.count()


class BrowserVisitor:
    """One browser with its cookie and the page's token."""

    def __init__(self, address: Address) -> None:
        # each local visitor has its own address: the page limits each address
        source = (f"127.0.1.{next(_NUMBERS) % 250 + 1}", 0) if address[0].startswith("127.") else None
        self._connection = http.client.HTTPConnection(*address, timeout=_TIMEOUT_S, source_address=source)
        self._headers: dict[str, str] = {}
        self._connection.request("GET", "/api/visit")
        answer = self._connection.getresponse()
        csrf = json.loads(answer.read())["csrf"]
        self._headers = {"Cookie": answer.headers["set-cookie"].partition(";")[0], "X-CSRF-Token": csrf}

    def ask(self, method: str, path: str, body: bytes = b"", kind: str = "application/json") -> Any:
        """Return the answer's JSON.

        Raises:
            ConnectionError: the device refuses; the message contains its answer.
        """
        self._connection.request(method, path, body, self._headers | {"Content-Type": kind})
        answer = self._connection.getresponse()
        content = answer.read()
        if answer.status >= 400:
            msg = f"{method} {path}: {answer.status} {content[:200].decode(errors='replace')}"
            raise ConnectionError(msg)
        return json.loads(content) if content else None

    def stream(self, path: str) -> Iterator[tuple[str, str]]:
        """Yield server-sent events with name and data."""
        self._connection.request("GET", path, headers=self._headers)
        answer = self._connection.getresponse()
        name = ""
        while line := answer.readline():
            field, _, value = line.decode().strip().partition(": ")
            if field == "event":
                name = value
            elif field == "data":
                yield name, value


class VisitorCrowd:
    """Runs all visitors on their own threads; ``counts`` are the results."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self.counts: Counter[str] = Counter()

    def start(self, *, viewers: int, cameras: int, upload: Path | None) -> None:
        """Start all visitors."""
        for _ in range(viewers):
            self._begin(self._watch)
        for _ in range(cameras):
            self._begin(self._show)
        if upload is not None:
            self._begin(lambda: self._upload(upload))

    def _begin(self, work: Callable[[], None]) -> None:
        threading.Thread(target=self._again, args=(work,), daemon=True).start()

    def _again(self, work: Callable[[], None]) -> None:
        while True:
            try:
                work()
            except (OSError, http.client.HTTPException, ValueError) as error:
                self.counts["failures"] += 1
                if self.counts["failures"] == 1:
                    sys.stderr.write(f"crowd: {error}\n")
                time.sleep(_PAUSE_S)

    def _watch(self) -> None:
        for _ in BrowserVisitor(self._address).stream("/api/live"):
            self.counts["updates"] += 1

    def _show(self) -> None:
        visitor, frame = BrowserVisitor(self._address), PORTRAIT.read_bytes()
        while True:
            visitor.ask("POST", "/api/camera", frame, "image/jpeg")
            self.counts["camera_frames"] += 1

    def _upload(self, path: Path) -> None:
        visitor, content = BrowserVisitor(self._address), path.read_bytes()
        listener = BrowserVisitor(self._address)
        listener._headers = visitor._headers
        done: dict[str, threading.Event] = {}
        threading.Thread(target=self._follow, args=(listener, done), daemon=True).start()
        time.sleep(_PAUSE_S)
        head = base64.b64encode(content[:_HEAD_BYTES]).decode()
        while True:
            announced = json.dumps({"name": path.name, "size": len(content), "head": head}).encode()
            job = visitor.ask("POST", "/api/analyze/files", announced)["id"]
            over = done.setdefault(job, threading.Event())
            visitor.ask("PUT", f"/api/analyze/files/{job}", content, "application/octet-stream")
            self.counts["uploads_sent"] += 1
            over.wait(_TIMEOUT_S)
            self.counts["uploads_read"] += over.is_set()
            visitor.ask("DELETE", f"/api/analyze/files/{job}")

    def _follow(self, listener: BrowserVisitor, done: dict[str, threading.Event]) -> None:
        with suppress(OSError, http.client.HTTPException):
            for name, data in listener.stream(f"/api/analyze/live?tab={os.getpid()}"):
                for file in json.loads(data) if name == "files" else ():
                    if file.get("state") in _OVER:
                        done.setdefault(file["id"], threading.Event()).set()


def main(url: str, viewers: str, cameras: str, upload: str = "") -> None:
    """Run the visitors and print their counts every second until stopped."""
    host, _, port = url.removeprefix("http://").partition(":")
    crowd = VisitorCrowd((host, int(port)))
    crowd.start(viewers=int(viewers), cameras=int(cameras), upload=Path(upload) if upload else None)
    while True:
        sys.stdout.write(json.dumps({"t": time.monotonic(), **crowd.counts}) + "\n")
        sys.stdout.flush()
        time.sleep(1.0)


if __name__ == "__main__":
    with suppress(KeyboardInterrupt, BrokenPipeError):
        main(*sys.argv[1:])
