"""Current speed of the machine: a freshly started loop processes the same frames, in CPU time.

Other work on a machine slows a loop by a fifth and more: after an interruption the caches are full of other data. Plain
arithmetic hardly shows that, but the same loop does. A device that slows down in the same measure as the fresh loop has
not aged.
"""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING, Self

from edge.config import Config
from tests.drills.soak.device import NOMINAL_FPS, SCENE

if TYPE_CHECKING:
    from edge.core.types import Frame

_FRAMES = 3, 30
_FRAMES_PER_S = 6


class ReferenceLoop:
    """Reference loop over ``frames`` of the soak's own scene per sample; thirty take 40 ms on a PC.

    Raises:
        EdgeError: the packaged network cannot be loaded.
    """

    def __init__(self, frames: int) -> None:
        from edge.pipelines import factory

        self._pipeline = factory.pipeline(Config(), seed=0)
        self._frames = _drawn(frames)

    @classmethod
    def for_samples_every(cls, seconds: float) -> Self:
        """Create a loop with enough frames to take about a hundredth of the interval in ``seconds``."""
        least, most = _FRAMES
        return cls(max(least, min(most, round(_FRAMES_PER_S * seconds))))

    def read_ms(self) -> tuple[float, float]:
        """Return median and mean milliseconds of this thread's CPU time per frame."""
        self._pipeline.reset()
        spent = []
        for frame in self._frames:
            began_ns = time.thread_time_ns()
            self._pipeline.step(frame)
            spent.append((time.thread_time_ns() - began_ns) / 1e6)
        return round(statistics.median(spent), 4), round(statistics.fmean(spent), 4)

    def close(self) -> None:
        """Free the network."""
        self._pipeline.close()


def _drawn(count: int) -> list[Frame]:
    from edge.sources.virtual import VirtualCamera

    settings = Config().source.model_copy(update={"uri": SCENE, "fps": NOMINAL_FPS})
    camera = VirtualCamera(settings)
    camera.open()
    try:
        return [camera.read() for _ in range(count)]
    finally:
        camera.close()
