"""Reads a source on a thread of its own and keeps only the newest frame; opens it again when it fails.

A live source never holds up nor is held up: frames that nobody took are replaced and counted. From a lossless one
every frame is handed over. A thread that hangs in a driver is left behind on ``stop`` and waited for before the source
is opened again.
"""

from __future__ import annotations

import logging
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from edge.core.errors import ConfigError, EdgeError, HardwareUnavailable, SourceEnded, SourceError
from edge.sources.aim import AimSlot
from edge.sources.orient import orient, without_colour
from edge.util.backoff import Backoff

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from edge.config import SourceConfig
    from edge.core.protocols import FrameSource
    from edge.core.types import Box, Frame

_LOG = logging.getLogger(__name__)
_STOP_S = 0.8
_STEADY_S = 2.0
"""So long frames must come without a break before a cause is news again: a loose plug must not fill the log."""


class NewestFrame:
    """The newest frame of a source, and how the source is doing.

    ``rest_s`` may be set at any time: from then on frames come about so far apart.
    """

    def __init__(self, source: FrameSource, config: SourceConfig) -> None:
        self._source = source
        self._config = config
        self._aim = AimSlot(rotation=config.rotation, mirror=config.mirror)
        self._changed = threading.Condition()
        self._slot: Frame | None = None
        self._arrived_s: float | None = None
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._told: set[str] = set()
        self._steady_s: float | None = None
        self._owed = False
        self._came_back = False
        self._held = False
        self._began_s = time.monotonic()
        self._asked_s: float | None = None
        self.rest_s = 0.0
        self.captured = 0
        self.skipped = 0
        self.reconnects = 0
        self.ended = False
        self.error: EdgeError | None = None
        self.failing = False

    @property
    def uri(self) -> str:
        """The source as messages name it."""
        return self._source.uri

    @property
    def lossless(self) -> bool:
        """True where no frame may be skipped."""
        return self._source.lossless

    @property
    def recorded(self) -> bool:
        """True for a recording: it may end, and its faults do not mend themselves."""
        return self._source.recorded

    @property
    def last_frame_age_s(self) -> float | None:
        """Seconds since a frame arrived; ``None`` before the first."""
        return None if self._arrived_s is None else time.monotonic() - self._arrived_s

    @property
    def away_s(self) -> float:
        """Seconds without a frame, since the last one or since the start."""
        return time.monotonic() - (self._began_s if self._arrived_s is None else self._arrived_s)

    @property
    def held_up_s(self) -> float:
        """Seconds for which the driver has not answered the call that is under way; 0 while there is none."""
        asked_s = self._asked_s
        return 0.0 if asked_s is None else time.monotonic() - asked_s

    def start(self) -> None:
        """Begin reading; also again after ``stop``."""
        before = self._thread
        self._began_s = time.monotonic()
        self._stopping = threading.Event()
        self._slot, self._arrived_s, self.ended, self.failing, self._held = None, None, False, False, False
        self._thread = threading.Thread(
            target=self._run, args=(self._stopping, before), name="frame-source", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """End reading and release the source, within a second also where its driver hangs."""
        with self._changed:
            self._stopping.set()
            self._slot = None
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join(_STOP_S)
            if self._thread.is_alive():
                _LOG.warning("%s: its driver does not answer and is left behind", self.uri)

    def hold(self) -> None:
        """Let a recording wait where it is: from ``stop`` and ``start`` it would begin anew."""
        with self._changed:
            self._held = True
            if not self._source.lossless:
                self._slot = None

    def go_on(self) -> None:
        """Read on after ``hold``."""
        with self._changed:
            self._held, self._arrived_s, self._began_s = False, None, time.monotonic()
            self._changed.notify_all()

    def get(self, timeout_s: float) -> Frame | None:
        """The newest frame that was not taken yet, waiting for one at most ``timeout_s`` seconds."""
        with self._changed:
            self._changed.wait_for(lambda: self._slot is not None or self.ended, timeout_s)
            frame, self._slot = self._slot, None
            self._changed.notify_all()
        if frame is None:
            return None
        if self._config.grey:
            frame = without_colour(frame)
        return orient(frame, rotation=self._config.rotation, mirror=self._config.mirror)

    def aim(self, frame: Frame, faces: Iterable[Box]) -> None:
        """Tell a live source where the ``faces`` in ``frame`` are; it is told before its next read.

        Cheap enough for every frame: more than one a second is ignored.
        """
        if not self._source.lossless:
            self._aim.offer(frame, faces)

    def _run(self, stopping: threading.Event, before: threading.Thread | None) -> None:
        if before is not None:
            with self._asking():
                before.join()
        backoff = Backoff(max_s=self._config.backoff_max_s)
        while not stopping.is_set():
            if not self._attempt(stopping, backoff):
                return
            stopping.wait(backoff.next_s())
            if not stopping.is_set():
                self.reconnects += 1

    def _attempt(self, stopping: threading.Event, backoff: Backoff) -> bool:
        """Open and deliver until something fails; true where another attempt is worth it."""
        try:
            with self._asking():
                self._source.open()
            self._deliver(stopping, backoff)
        except Exception as raised:  # noqa: BLE001 - whatever a driver raises, this thread must live to try again
            if stopping.is_set():
                return False  # it was left behind: what became of it is not the next run's business
            if isinstance(raised, SourceEnded):
                _LOG.info("%s", raised)
                self._end(None)
                return False
            error = self._known(raised)
            if self._source.recorded or isinstance(error, HardwareUnavailable | ConfigError):
                self._end(error)  # neither a file, a missing package nor a wrong setting mends itself
                return False
            self._tell(error)
        finally:
            self._release()
        return True

    def _known(self, raised: Exception) -> EdgeError:
        """The error as one of ours; what no source foresaw is logged whole, once per cause."""
        if isinstance(raised, EdgeError):
            return raised
        detail = next(iter(str(raised).splitlines()), "")
        error = SourceError(f"{self.uri}: failed unexpectedly ({type(raised).__name__}: {detail})")
        if str(error) not in self._told:
            _LOG.error("%s", error, exc_info=raised)
        return error

    def _release(self) -> None:
        try:
            with self._asking():
                self._source.close()
        except Exception:  # noqa: BLE001 - as above
            _LOG.exception("%s: cannot be released", self.uri)

    def _deliver(self, stopping: threading.Event, backoff: Backoff) -> None:
        while not stopping.is_set():
            with self._asking():
                if (aim := self._aim.take()) is not None:
                    self._source.aim(aim.faces, aim.brightness)
                frame = self._source.read()
            with self._changed:
                if stopping.is_set():
                    return
                if self._slot is not None and not self._source.lossless:
                    self.skipped += 1
                self._slot = frame if not self._held or self._source.lossless else None
                self.captured += 1
                self._arrived_s = time.monotonic()
                self.failing = False
                self._note_steady(self._arrived_s)
                self._changed.notify_all()
                if self._source.lossless:
                    self._changed.wait_for(lambda: self._slot is None or stopping.is_set())
                self._changed.wait_for(lambda: not self._held or stopping.is_set())
            backoff.reset()
            self._rest(stopping)

    def _rest(self, stopping: threading.Event) -> None:
        """Let frames go by undecoded until ``rest_s`` is nearly over, where the source can do that."""
        if self._arrived_s is None:
            return
        while self.rest_s > 0 and not stopping.is_set():
            if time.monotonic() - self._arrived_s > self.rest_s - 1 / self._config.fps:
                return
            with self._asking():
                skipped = self._source.skip()
            if not skipped:
                return

    @contextmanager
    def _asking(self) -> Iterator[None]:
        """While a driver is at work, which may never answer."""
        self._asked_s = time.monotonic()
        try:
            yield
        finally:
            self._asked_s = None

    def _end(self, error: EdgeError | None) -> None:
        with self._changed:
            self.error, self.ended = error, True
            self._changed.notify_all()

    def _note_steady(self, now_s: float) -> None:
        """Say once that frames come, and again when they have come steadily after a while of coming and going."""
        if not self._told:
            return
        self._steady_s = now_s if self._steady_s is None else self._steady_s
        steady = now_s - self._steady_s >= _STEADY_S
        if self._owed and (steady or not self._came_back):
            _LOG.info("%s: delivers again", self.uri)
            self._owed, self._came_back = False, True
        if steady:
            self._told.clear()
            self._came_back, self._steady_s = False, None

    def _tell(self, error: EdgeError) -> None:
        """Once per cause: a camera that stays away, or comes and goes, must not fill the log."""
        self.error, self.failing, self._steady_s = error, True, None
        if str(error) not in self._told:
            self._told.add(str(error))
            self._owed = True
            _LOG.warning("%s; trying again", error)
