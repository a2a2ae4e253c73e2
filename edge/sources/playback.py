"""Real-time playback of a recording, as if a player showed it to a camera."""

from __future__ import annotations

import logging
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from edge.core.errors import SourceEnded
from edge.sources.looped import STILL_NS, Looped
from edge.sources.passive import PassiveSource

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge.config import SourceConfig
    from edge.core.protocols import FrameSource
    from edge.core.types import Frame

_LOG = logging.getLogger(__name__)
_NS = 1_000_000_000
_LATE_NS = _NS // 10
"""Delay after which a frame is skipped."""
_CATCH_UP_NS = _NS // 2
"""Longest stretch of skipped frames; if skipping does not help, decoding is slower than the recording."""
_HALTED_NS = 2 * _NS
"""Standstill after which playback continues at the old position instead of catching up."""
REPEAT_NS = _NS // 5
"""Interval at which a still picture is repeated, so that people in it stay in view."""
_STAYS_NS = REPEAT_NS * 3 // 2


class Playback(PassiveSource):
    """Frames of ``clip`` when they are due, with times of our clock; late ones are skipped.

    For a device, not for an analysis: a slow loop sees fewer frames, never older ones. A still picture is repeated
    every :data:`REPEAT_NS`. ``clock_ns`` and ``sleep`` are injectable for tests.
    """

    lossless = False
    epoch_ns: int | None = None
    recorded = True

    def __init__(
        self,
        clip: FrameSource,
        *,
        clock_ns: Callable[[], int] = time.monotonic_ns,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._clip = clip
        self._clock_ns = clock_ns
        self._sleep = sleep
        self._forget()

    def _forget(self) -> None:
        self._began_ns: int | None = None
        self._left_ns: int | None = None
        self._shown: Frame | None = None
        self._next: Frame | None = None
        self._ended: SourceEnded | None = None
        self._position_ns: int | None = None
        self._step_ns = STILL_NS
        self._due_ns = 0
        self._index = 0
        self._is_slow = False
        self.left_out = 0

    @property
    def uri(self) -> str:
        """URI of the recording."""
        return self._clip.uri

    def open(self) -> None:
        """Open the recording from its beginning.

        Raises:
            SourceError: it is missing, not readable, empty, or no recording.
        """
        self._forget()
        self._clip.open()

    def read(self) -> Frame:
        """Return the next frame when it is due, or repeat the last one while it is shown.

        Raises:
            SourceEnded: the last frame has been shown for its time.
            SourceError: the recording is damaged or not open.
        """
        if self._left_ns is not None and (gap_ns := self._clock_ns() - self._left_ns) > _HALTED_NS:
            self._slip(gap_ns)
        if self._next is None and self._ended is None:
            self._take()
        shown, now_ns = self._shown, self._clock_ns()
        if shown is not None and self._due_ns - shown.monotonic_ns > _STAYS_NS:
            again_ns = max(shown.monotonic_ns + REPEAT_NS, now_ns)
            if again_ns < self._due_ns:
                return self._give(shown, again_ns)
        if now_ns - self._due_ns > _HALTED_NS:
            self._slip(now_ns - self._due_ns)
        frame, self._next = self._next, None
        if frame is None:
            self._wait_until(self._due_ns)
            raise self._over()
        return self._give(frame, self._due_ns)

    def skip(self) -> bool:
        """Skip the next frame, as a camera source does while nobody is in view.

        Raises:
            SourceEnded: the last frame has been shown for its time.
            SourceError: the recording is damaged or not open.
        """
        self.read()
        return True

    def _take(self) -> None:
        """Decode the next frame that is not late, or schedule the end after the last one."""
        started_ns = self._clock_ns()
        while True:
            try:
                frame = self._clip.read()
            except SourceEnded as ended:
                self._ended = ended
                self._due_ns += self._step_ns
                return
            now_ns, position_ns = self._clock_ns(), frame.monotonic_ns
            if self._position_ns is not None:
                self._step_ns = position_ns - self._position_ns
            self._position_ns = position_ns
            if self._began_ns is None:
                self._began_ns = now_ns - position_ns
            self._due_ns = self._began_ns + position_ns
            late_ns = now_ns - self._due_ns
            if late_ns > _LATE_NS and now_ns - started_ns <= _CATCH_UP_NS:
                self.left_out += 1
                continue
            self._next = frame
            if late_ns > _LATE_NS:
                self._slip(late_ns)
                self._warn_once()
            return

    def _slip(self, late_ns: int) -> None:
        """Continue at the current position without catching up."""
        if self._began_ns is not None:
            self._began_ns += late_ns
        if self._shown is not None:
            self._shown = replace(self._shown, monotonic_ns=self._shown.monotonic_ns + late_ns)
        self._due_ns += late_ns

    def _warn_once(self) -> None:
        if not self._is_slow:
            self._is_slow = True
            _LOG.warning("%s: decoding is slower than playback, so it takes longer than its length", self.uri)

    def _give(self, frame: Frame, time_ns: int) -> Frame:
        self._wait_until(time_ns)
        index, self._index = self._index, self._index + 1
        self._shown = replace(frame, monotonic_ns=time_ns, index=index)
        self._left_ns = self._clock_ns()
        return self._shown

    def _wait_until(self, time_ns: int) -> None:
        left_ns = time_ns - self._clock_ns()
        if left_ns > 0:
            self._sleep(left_ns / _NS)

    def _over(self) -> SourceEnded:
        late = f"; {self.left_out} frames were late and skipped" if self.left_out else ""
        return SourceEnded(f"{self._ended}{late}")

    def close(self) -> None:
        """Close the recording."""
        self._forget()
        self._clip.close()


def played(source: FrameSource, config: SourceConfig) -> FrameSource:
    """Wrap ``source`` as the device runs it: recordings in real time unless ``config`` says fast, and looped."""
    if not (source.recorded and source.lossless) or config.uri.startswith("virtual"):
        return source
    looped = Looped(source) if config.loop else source
    return looped if config.pace == "fast" or config.uri.startswith("replay:") else Playback(looped)
