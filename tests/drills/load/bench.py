"""A device that serves its page, the thread of its loop, and simulated visitors."""

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
"""Frames per second of the drawn camera if the loop is to run at its maximum."""
CROWD_NICENESS = 10
_SETTLE_S = 2.0
_ARRIVAL_S = 90.0
_CLOCK_S = 1 / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Load:
    """Visitors of a phase: viewers of the live page, visitors' cameras, and whether a file is uploaded."""

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
    """Measured frames per second, and CPU seconds per second of the loop and the process."""

    fps: float
    loop_cpu: float
    process_cpu: float


class FrameCounter(BaseSink):
    """Sink that counts processed frames."""

    name = "count"
    accepts: tuple[type, ...] = (Observation,)

    def __init__(self) -> None:
        self.frames = 0

    def open(self) -> None:
        """Do nothing."""

    def handle(self, _message: Message) -> None:
        """Count a message."""
        self.frames += 1

    def close(self) -> None:
        """Do nothing."""


class LoadBench:
    """Device that serves its page, the thread of its loop, and the simulated visitors."""

    def __init__(self, folder: Path, *, fps: float, source: str) -> None:
        from edge import config as configuration
        from edge.runtime import build

        self._stack = ExitStack()
        self._port = _free_port()
        flags = {"node.id": "load", "node.state_dir": folder, "source.uri": source, "source.fps": fps or FASTEST}
        flags |= {"source.width": 640, "source.height": 480, "kiosk.enabled": True, "kiosk.port": self._port}
        flags |= {"kiosk.max_viewers": 500, "kiosk.host": "127.0.0.1", "kiosk.password_file": "", "kiosk.tls": "off"}
        self._counter = FrameCounter()
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
        """Start ``load``, wait until it is active, and measure; also return the visitors' rates per second."""
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
    """Context manager for visitors in their own process; ``newest`` is its last report."""

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
        """Wait until each kind is served, or time out; the table then shows who got nothing."""
        wanted = {"updates": load.viewers > 0, "uploads_sent": load.upload, "camera_frames": load.cameras > 0}
        deadline = time.monotonic() + _ARRIVAL_S
        while time.monotonic() < deadline:
            newest = self.newest or {}
            if all(newest.get(name, 0) > 0 for name, is_wanted in wanted.items() if is_wanted):
                return
            time.sleep(0.2)

    def since(self, before: dict[str, float]) -> dict[str, float]:
        """Return the rates per second since ``before``."""
        now = self.newest or before
        seconds = max(now["t"] - before["t"], 1e-3)
        return {name: (value - before.get(name, 0)) / seconds for name, value in now.items() if name != "t"}


def render(path: Path, seconds: int = 20, rate: int = 25) -> None:
    """Write a video of the drawn camera's face for the upload."""
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
