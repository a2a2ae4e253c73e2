"""The soak's device, run as ``python -m tests.drills.soak.device HANG_S WORDS…``: as :mod:`tests.drills.appliance`.

Its camera draws the next frame as soon as the loop has looked at the last one, and its clocks go by that: each frame is
one frame's time further, so that every window, heartbeat, hold and session is as long in frames as it is in life.
Between frames, and where they come slower than in life, the clocks go as the real ones do.
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
from tests.drills.camera import CONTROL, Control
from tests.drills.soak.heap import heap_mb, python_blocks

if TYPE_CHECKING:
    from edge.config import SourceConfig
    from edge.core.types import Observation

FIGURES = "figures.json"
"""Beside the control file: what the loop has done, once a second."""
PERCENTS = (50, 95, 99)
LEAKS = ("memory", "descriptors")
SCENE = "virtual:portrait?pace=fast"
NOMINAL_FPS = 15.0
"""The rate that frames would have in life."""
_NS = 1_000_000_000
_WINDOW = 512
_WRITE_EVERY_S = 1.0
_PATIENCE_S = 0.2
_LEAKED_BYTES = 4096
_LEAKED_EVERY = 50


class QuickClock:
    """The monotonic and the wall clock, ahead of the real ones by what the frames have gained."""

    def __init__(self) -> None:
        self._monotonic_ns, self._wall_ns = time.monotonic_ns, time.time_ns
        self._ahead_ns = 0

    def install(self) -> None:
        """From now on ``time`` reads it; what waits, waits in real time."""
        time.monotonic_ns = lambda: self._monotonic_ns() + self._ahead_ns
        time.time_ns = lambda: self._wall_ns() + self._ahead_ns
        time.monotonic = lambda: time.monotonic_ns() / _NS
        time.time = lambda: time.time_ns() / _NS

    def reach(self, due_ns: int) -> int:
        """The time now, and ``due_ns`` at the earliest."""
        now_ns = self._monotonic_ns() + self._ahead_ns
        if now_ns < due_ns:
            self._ahead_ns += due_ns - now_ns
        return max(now_ns, due_ns)


class Turns:
    """The camera waits until the loop has looked at its last frame, but not for ever: it may have been dropped."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._looked_at = -1

    def done(self, index: int) -> None:
        """The loop has looked at frame ``index``."""
        with self._changed:
            self._looked_at = index
            self._changed.notify_all()

    def wait_for(self, index: int) -> None:
        """Until it has looked at frame ``index``."""
        with self._changed:
            self._changed.wait_for(lambda: self._looked_at >= index, _PATIENCE_S)


CLOCK = QuickClock()
TURNS = Turns()


class QuickCamera(PassiveSource):
    """``soak[?leak=memory|descriptors]``: the drawn portrait, one frame for each that was looked at.

    Unplugged where the drill's control file says so. A leak is planted to see that the drill finds it.
    """

    lossless = False
    epoch_ns = None

    def __init__(self, config: SourceConfig) -> None:
        _, found = options(config.uri, {"leak": LEAKS})
        self._leak = found.get("leak")
        self._leaked: list[object] = []
        self._step_ns = round(_NS / config.fps)
        self._scene = VirtualCamera(config.model_copy(update={"uri": SCENE}))
        self._control = Control(Path(os.environ[CONTROL]))
        self._last_ns, self._index = 0, -1

    @property
    def uri(self) -> str:
        """``soak``."""
        return "soak"

    def open(self) -> None:
        """Open, unless it is unplugged."""
        self._obey()
        self._scene.open()

    def read(self) -> Frame:
        """The next frame, when the last one was looked at."""
        TURNS.wait_for(self._index)
        self._obey()
        self._index += 1
        self._leak_some()
        image = self._scene.read().image
        self._last_ns = CLOCK.reach(self._last_ns + self._step_ns)
        return Frame(image, self._last_ns, self._index)

    def close(self) -> None:
        """Close."""
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


class Meter(HealthMeter):
    """The loop's own meter, which also counts frames and times them.

    ``latency`` is from the camera's hand to the finished look, ``work`` what the loop's thread had of a processor from
    one frame to the next.
    """

    def __init__(self) -> None:
        super().__init__()
        self._kept: dict[str, deque[float]] = {name: deque(maxlen=_WINDOW) for name in ("latency", "work")}
        self._worked_s = 0.0
        self._frames = 0
        self._written_s = 0.0
        self._path = Path(os.environ[CONTROL]).with_name(FIGURES)

    def record(self, observation: Observation) -> None:
        """As the loop's own; then the camera may draw the next."""
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
    """Be the device."""
    CLOCK.install()
    from edge.runtime import app
    from edge.sources import factory
    from tests.drills.appliance import main as appliance

    factory.BACKENDS["soak"] = f"{__name__}:QuickCamera"
    app.HealthMeter = Meter  # type: ignore[attr-defined]
    return appliance()


if __name__ == "__main__":
    from tests.drills.soak.device import main as begin  # by its name: the factory imports the same module again

    code = begin()
    sys.stderr.flush()
    os._exit(code)  # as the service does where a driver hangs
