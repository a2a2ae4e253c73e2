"""Mosquitto process for measurements and drills: on a free port, with persistence, killed and started at will.

Mosquitto writes its queues to disk after the fact: it acknowledges a message, then saves. With ``autosave_on_changes``
it saves after every turn of its loop, so that SIGKILL costs what came in the last turn at most, and that it has handed
to every subscriber who was connected, for limits on messages in flight are off. What remains is a message for a
subscriber who is away: the drills let the device through only when the subscriber is back.
"""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import time
from typing import TYPE_CHECKING, Self

from edge.core.errors import HardwareUnavailable, SinkError

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

_START_S = 15.0
_CONFIG = """\
user root
listener {port} 127.0.0.1
allow_anonymous true
persistence true
persistence_location {folder}/
autosave_on_changes true
autosave_interval 1
max_inflight_messages 0
max_queued_messages 0
"""


def program() -> str:
    """Return the path of the Mosquitto program.

    Raises:
        HardwareUnavailable: it is not installed.
    """
    found = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
    if found is None:
        msg = "the drills need Mosquitto: sudo apt install mosquitto"
        raise HardwareUnavailable(msg)
    return found


class Mosquitto:
    """A broker process; ``folder`` keeps its queues over kills, and it listens on the address ``also`` too.

    Raises:
        HardwareUnavailable: it is not installed.
        SinkError: it does not start; the message is its own.
    """

    def __init__(self, folder: Path, *, also: str = "") -> None:
        self._program = program()
        folder.mkdir()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self._config = folder / "mosquitto.conf"
        more = f"listener {self.port} {also}\n" if also else ""
        self._config.write_text(more + _CONFIG.format(port=self.port, folder=folder), encoding="utf-8")
        self._log = folder / "mosquitto.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def uri(self) -> str:
        """As ``mqtt.broker`` wants it."""
        return f"mqtt://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start, and wait until it takes connections."""
        with self._log.open("ab") as log:
            command = [self._program, "-c", str(self._config)]
            self._process = subprocess.Popen(command, stdout=log, stderr=log)  # noqa: S603 - our own command
        deadline_s = time.monotonic() + _START_S
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline_s:
                lines = self._log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
                msg = f"mosquitto does not start: {lines[-1] if lines else 'it says nothing'}"
                raise SinkError(msg)
            time.sleep(0.01)

    def freeze(self) -> None:
        """SIGSTOP: it takes and gives nothing any more; harmless when it does not run."""
        if self._process is not None:
            self._process.send_signal(signal.SIGSTOP)

    def kill(self) -> None:
        """SIGKILL; harmless when it does not run."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    def _answers(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0
