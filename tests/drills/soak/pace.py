"""How fast the machine is just now: a loop that is always young looks at the same frames, in processor time.

What else a machine does slows a loop by a fifth and more without its doing anything else: whoever is interrupted finds
the caches full of other things. Plain arithmetic hardly shows that, the same loop does. A device that takes longer in
the same measure as the young one has not aged.
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


class Pace:
    """``frames`` of the soak's own scene at each look; thirty take forty milliseconds on a PC.

    Raises:
        EdgeError: the packaged network cannot be loaded.
    """

    def __init__(self, frames: int) -> None:
        from edge.pipelines import factory

        self._pipeline = factory.pipeline(Config(), seed=0)
        self._frames = _drawn(frames)

    @classmethod
    def for_samples_every(cls, seconds: float) -> Self:
        """As many frames as take about a hundredth of the time between two looks."""
        least, most = _FRAMES
        return cls(max(least, min(most, round(_FRAMES_PER_S * seconds))))

    def read_ms(self) -> tuple[float, float]:
        """Milliseconds of this thread's processor time that a frame took: the median and the mean."""
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
