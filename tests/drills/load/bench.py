"""A device that serves its page, the thread of its loop, and a crowd beside it that comes and goes."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from edge.core.sink_base import BaseSink
from edge.core.types import Observation

if TYPE_CHECKING:
    from edge.core.events import Message

FASTEST = 240.0
"""Frames a second of the drawn camera where the loop shall have all that it can take."""
CROWD_NICENESS = 10
_SETTLE_S = 2.0
_ARRIVAL_S = 90.0
_CLOCK_S = 1 / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Load:
    """Who comes: viewers of the live page, cameras of visitors, and whether a file is uploaded to be read."""

    viewers: int = 0
    upload: bool = False
    cameras: int = 0

    def __str__(self) -> str:
        parts = [f"{self.viewers} viewers"] if self.viewers else []
        parts += ["an upload"] if self.upload else []
        parts += [f"{self.cameras} camera{'s' * (self.cameras > 1)}"] if self.cameras else []
        return " + ".join(parts) or "nobody"


@dataclass(frozen=True, slots=True)
class Phase:
    """What was measured: frames a second, the loop's and the whole process's seconds of processor per second."""

    fps: float
    loop_cpu: float
    process_cpu: float


class Count(BaseSink):
    """A sink that counts what the loop has looked at."""

    name = "count"
    accepts: tuple[type, ...] = (Observation,)

    def __init__(self) -> None:
        self.frames = 0

    def open(self) -> None:
        """Nothing to open."""

    def handle(self, _message: Message) -> None:
        """One more."""
        self.frames += 1

    def close(self) -> None:
        """Nothing to close."""


class Bench:
    """A device that serves its page, the thread of its loop, and the crowd beside it."""

    def __init__(self, folder: Path, *, fps: float, source: str) -> None:
        from edge import config as configuration
        from edge.runtime import build

        self._stack = ExitStack()
        self._port = _free_port()
        flags = {"node.id": "load", "node.state_dir": folder, "source.uri": source, "source.fps": fps or FASTEST}
        flags |= {"source.width": 640, "source.height": 480, "kiosk.enabled": True, "kiosk.port": self._port}
        flags |= {"kiosk.max_viewers": 500, "kiosk.host": "127.0.0.1", "kiosk.password_file": "", "kiosk.tls": "off"}
        self._counter = Count()
        wiring = build.device(configuration.load(environment={}, flags=flags), extra_sinks=[self._counter])
        self._stack.enter_context(wiring.resources)
        self._device = wiring.device
        self._film = folder / "upload.mp4"
        self._thread = threading.Thread(target=self._device.run, name="loop")
        self._thread.start()
        self._stack.callback(self._thread.join, 20)
        self._stack.callback(self._device.stop)

    def close(self) -> None:
        """Stop the device."""
        self._stack.close()

    def measure(self, load: Load, seconds: float) -> tuple[Phase, dict[str, float]]:
        """Let ``load`` come, wait until it is there, and measure; also what the crowd got, per second."""
        with ExitStack() as stack:
            crowd = stack.enter_context(self._crowd(load)) if load != Load() else None
            if crowd is not None:
                crowd.wait_for(load)
            time.sleep(_SETTLE_S)
            before, began = (None if crowd is None else crowd.newest), time.monotonic()
            frames, loop_s, process_s = self._now()
            time.sleep(seconds)
            took = time.monotonic() - began
            frames_after, loop_after_s, process_after_s = self._now()
            got = {} if crowd is None or before is None else crowd.since(before)
        return Phase(
            (frames_after - frames) / took, (loop_after_s - loop_s) / took, (process_after_s - process_s) / took
        ), got

    def _now(self) -> tuple[int, float, float]:
        fields = Path(f"/proc/self/task/{self._thread.native_id}/stat").read_text(encoding="ascii").rpartition(")")[2]
        user, system = (int(value) for value in fields.split()[11:13])
        return self._counter.frames, (user + system) * _CLOCK_S, time.process_time()

    def _crowd(self, load: Load) -> CrowdProcess:
        if load.upload and not self._film.exists():
            render(self._film)
        upload = str(self._film) if load.upload else ""
        return CrowdProcess([f"http://127.0.0.1:{self._port}", str(load.viewers), str(load.cameras), upload])


class CrowdProcess:
    """The crowd in a process of its own, as a context; ``newest`` is the last line that it said."""

    def __init__(self, arguments: list[str]) -> None:
        self._arguments = arguments
        self.newest: dict[str, float] | None = None

    def __enter__(self) -> Self:
        nice = ["nice", "-n", str(CROWD_NICENESS), sys.executable, "-m", "tests.drills.load.crowd"]
        self._process = subprocess.Popen([*nice, *self._arguments], stdout=subprocess.PIPE, text=True)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        self._reader.join(5)
        if self._process.stdout is not None:
            self._process.stdout.close()

    def _read(self) -> None:
        for line in self._process.stdout or ():
            self.newest = json.loads(line)

    def wait_for(self, load: Load) -> None:
        """Until each kind is there and served, or too long; the table then shows who got nothing."""
        wanted = {"updates": load.viewers > 0, "uploads_sent": load.upload, "camera_frames": load.cameras > 0}
        deadline = time.monotonic() + _ARRIVAL_S
        while time.monotonic() < deadline:
            said = self.newest or {}
            if all(said.get(name, 0) > 0 for name, is_wanted in wanted.items() if is_wanted):
                return
            time.sleep(0.2)

    def since(self, before: dict[str, float]) -> dict[str, float]:
        """What came per second since ``before``."""
        now = self.newest or before
        seconds = max(now["t"] - before["t"], 1e-3)
        return {name: (value - before.get(name, 0)) / seconds for name, value in now.items() if name != "t"}


def render(path: Path, seconds: int = 20, rate: int = 25) -> None:
    """A film of the drawn camera's face, for the upload."""
    import av

    from edge.config import load
    from edge.sources.virtual import VirtualCamera

    flags = {"source.uri": "virtual:portrait?pace=fast", "source.width": 640, "source.height": 480, "source.fps": rate}
    camera = VirtualCamera(load(environment={}, flags=flags).source)
    camera.open()
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("libx264", rate=rate, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 640, 480, "yuv420p"
        for _ in range(seconds * rate):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(camera.read().image, format="bgr24")))
        container.mux(stream.encode(None))


def _free_port() -> int:
    with contextlib.closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
