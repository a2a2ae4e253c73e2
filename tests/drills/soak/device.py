"""The soak's device, run as ``python -m tests.drills.soak.device HANG_S WORDS…``; see :mod:`tests.drills.appliance`.

Its camera draws the next frame when the loop has processed the last one, and its clocks follow: each frame advances
them by one frame's time, so that every window, heartbeat, hold and session has as many frames as in real time. Between
frames, and if frames come more slowly than in real time, the clocks run like the real ones.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge.core.errors import SourceError
from edge.core.types import Frame
from edge.runtime.health import HealthMeter, percentile
from edge.sources.passive import PassiveSource
from edge.sources.uri import options
from edge.sources.virtual import VirtualCamera
from tests.drills.camera import CONTROL, FaultControl
from tests.drills.soak.heap import heap_mb, python_blocks

if TYPE_CHECKING:
    from edge.config import SourceConfig
    from edge.core.types import Observation

FIGURES = "figures.json"
"""File beside the control file with the loop's figures, written once a second."""
PERCENTS = (50, 95, 99)
LEAKS = ("memory", "descriptors")
SCENE = "virtual:portrait?pace=fast"
NOMINAL_FPS = 15.0
"""Frame rate in real time."""
_NS = 1_000_000_000
_WINDOW = 512
_WRITE_EVERY_S = 1.0
_PATIENCE_S = 0.2
_LEAKED_BYTES = 4096
_LEAKED_EVERY = 50


class FastClock:
    """Monotonic and wall clock, ahead of the real ones by the time gained with frames."""

    def __init__(self) -> None:
        self._monotonic_ns, self._wall_ns = time.monotonic_ns, time.time_ns
        self._ahead_ns = 0

    def install(self) -> None:
        """Patch ``time`` to read this clock; waiting still takes real time."""
        time.monotonic_ns = lambda: self._monotonic_ns() + self._ahead_ns
        time.time_ns = lambda: self._wall_ns() + self._ahead_ns
        time.monotonic = lambda: time.monotonic_ns() / _NS
        time.time = lambda: time.time_ns() / _NS

    def reach(self, due_ns: int) -> int:
        """Advance the time to ``due_ns`` at least, and return it."""
        now_ns = self._monotonic_ns() + self._ahead_ns
        if now_ns < due_ns:
            self._ahead_ns += due_ns - now_ns
        return max(now_ns, due_ns)


class FrameHandshake:
    """Makes the camera wait until the loop has processed its last frame, with a timeout for dropped frames."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._looked_at = -1

    def done(self, index: int) -> None:
        """Record that the loop has processed frame ``index``."""
        with self._changed:
            self._looked_at = index
            self._changed.notify_all()

    def wait_for(self, index: int) -> None:
        """Wait until the loop has processed frame ``index``."""
        with self._changed:
            self._changed.wait_for(lambda: self._looked_at >= index, _PATIENCE_S)


CLOCK = FastClock()
TURNS = FrameHandshake()


class FastCamera(PassiveSource):
    """Source ``soak[?leak=memory|descriptors]``: the drawn portrait, one frame for each processed one.

    It is unplugged when the drill's control file says so. A planted leak tests that the drill detects it.
    """

    lossless = False
    epoch_ns = None

    def __init__(self, config: SourceConfig) -> None:
        _, parsed = options(config.uri, {"leak": LEAKS})
        self._leak = parsed.get("leak")
        self._leaked: list[object] = []
        self._step_ns = round(_NS / config.fps)
        self._scene = VirtualCamera(config.model_copy(update={"uri": SCENE}))
        self._control = FaultControl(Path(os.environ[CONTROL]))
        self._last_ns, self._index = 0, -1

    @property
    def uri(self) -> str:
        """Return ``soak``."""
        return "soak"

    def open(self) -> None:
        """Open the camera unless it is unplugged."""
        self._obey()
        self._scene.open()

    def read(self) -> Frame:
        """Return the next frame after the last one was processed."""
        TURNS.wait_for(self._index)
        self._obey()
        self._index += 1
        self._leak_some()
        image = self._scene.read().image
        self._last_ns = CLOCK.reach(self._last_ns + self._step_ns)
        return Frame(image, self._last_ns, self._index)

    def close(self) -> None:
        """Close the camera."""
        self._scene.close()

    def _obey(self) -> None:
        if self._control.fault.camera == "unplug":
            msg = "soak: no such device"
            raise SourceError(msg)

    def _leak_some(self) -> None:
        if self._leak == "memory":
            self._leaked.append(bytearray(os.urandom(_LEAKED_BYTES)))
        elif self._leak == "descriptors" and self._index % _LEAKED_EVERY == 0:
            self._leaked.append(os.open(os.devnull, os.O_RDONLY))


class SoakMeter(HealthMeter):
    """The loop's own meter, extended to count and time frames.

    ``latency`` is the time from the camera to the end of processing, ``work`` the loop thread's CPU time from one frame
    to the next.
    """

    def __init__(self) -> None:
        super().__init__()
        self._kept: dict[str, deque[float]] = {name: deque(maxlen=_WINDOW) for name in ("latency", "work")}
        self._worked_s = 0.0
        self._frames = 0
        self._written_s = 0.0
        self._path = Path(os.environ[CONTROL]).with_name(FIGURES)

    def record(self, observation: Observation) -> None:
        """Record the observation, then allow the camera to draw the next frame."""
        super().record(observation)
        self._frames += 1
        self._kept["latency"].append((time.monotonic_ns() - observation.monotonic_ns) / 1e6)
        self._kept["work"].append(1000 * (time.thread_time() - self._worked_s))
        if time.perf_counter() - self._written_s > _WRITE_EVERY_S:
            self._written_s = time.perf_counter()
            self._write()
        self._worked_s = time.thread_time()
        TURNS.done(observation.frame_index)

    def _write(self) -> None:
        figures: dict[str, Any] = {"frames": self._frames, "python_blocks": python_blocks(), "heap_mb": heap_mb()}
        for name, values in self._kept.items():
            figures |= {f"{name}_p{percent}_ms": percentile(values, percent) for percent in PERCENTS}
        fresh = self._path.with_suffix(".new")
        fresh.write_text(json.dumps(figures), encoding="ascii")
        fresh.replace(self._path)  # without a sync: the loop must not wait for the disk


def main() -> int:
    """Run the device."""
    CLOCK.install()
    from edge.runtime import app
    from edge.sources import factory
    from tests.drills.appliance import main as appliance

    factory.BACKENDS["soak"] = f"{__name__}:FastCamera"
    app.HealthMeter = SoakMeter  # type: ignore[attr-defined]
    return appliance()


if __name__ == "__main__":
    from tests.drills.soak.device import main as begin  # by its name: the factory imports the same module again

    code = begin()
    sys.stderr.flush()
    os._exit(code)  # as the service does where a driver hangs
