"""Reader that keeps only the newest frame of a source and reopens the source after failures.

A live source neither blocks nor is blocked: frames not taken in time are replaced and counted. A lossless source
delivers every frame. A thread that hangs in a driver is abandoned on ``stop`` and awaited before the source is opened
again.
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
"""Seconds of steady frames before a failure is logged again, so that a loose plug does not fill the log."""


class NewestFrame:
    """Newest frame of a source, with the state of the source.

    ``rest_s`` may be set at any time: from then on frames arrive about that many seconds apart.
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
        """Name of the source in messages."""
        return self._source.uri

    @property
    def lossless(self) -> bool:
        """True if no frame may be skipped."""
        return self._source.lossless

    @property
    def recorded(self) -> bool:
        """True for a recording, which may end and whose faults are permanent."""
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
        """Seconds for which the current driver call has not returned; 0 if there is none."""
        asked_s = self._asked_s
        return 0.0 if asked_s is None else time.monotonic() - asked_s

    def start(self) -> None:
        """Start reading; may be called again after ``stop``."""
        before = self._thread
        self._began_s = time.monotonic()
        self._stopping = threading.Event()
        self._slot, self._arrived_s, self.ended, self.failing, self._held = None, None, False, False, False
        self._thread = threading.Thread(
            target=self._run, args=(self._stopping, before), name="frame-source", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Stop reading and release the source, within a second even if its driver hangs."""
        with self._changed:
            self._stopping.set()
            self._slot = None
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join(_STOP_S)
            if self._thread.is_alive():
                _LOG.warning("%s: its driver does not respond; its thread is abandoned", self.uri)

    def hold(self) -> None:
        """Pause a recording at its position; ``stop`` and ``start`` would restart it."""
        with self._changed:
            self._held = True
            if not self._source.lossless:
                self._slot = None

    def go_on(self) -> None:
        """Resume reading after ``hold``."""
        with self._changed:
            self._held, self._arrived_s, self._began_s = False, None, time.monotonic()
            self._changed.notify_all()

    def get(self, timeout_s: float) -> Frame | None:
        """Return the newest frame not taken yet, waiting at most ``timeout_s`` seconds for one."""
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
        """Pass the ``faces`` in ``frame`` to a live source before its next read.

        Cheap enough to call for every frame: more than one aim per second is ignored.
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
        """Open and deliver until a failure; return True if another attempt makes sense."""
        try:
            with self._asking():
                self._source.open()
            self._deliver(stopping, backoff)
        except Exception as raised:  # noqa: BLE001 - the thread must survive any driver error to retry
            if stopping.is_set():
                return False  # abandoned: its outcome does not concern the next run
            if isinstance(raised, SourceEnded):
                _LOG.info("%s", raised)
                self._end(None)
                return False
            error = self._known(raised)
            if self._source.recorded or isinstance(error, HardwareUnavailable | ConfigError):
                self._end(error)  # a bad file, missing package or wrong setting is permanent
                return False
            self._tell(error)
        finally:
            self._release()
        return True

    def _known(self, raised: Exception) -> EdgeError:
        """Convert an error to ours; log an unforeseen one with traceback, once per cause."""
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
        """Skip frames without decoding until ``rest_s`` has almost passed, if the source can."""
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
        """Mark the time during which a driver call, which may hang, is running."""
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
        """Log the first frames, and again once they are steady after a period of interruptions."""
        if not self._told:
            return
        self._steady_s = now_s if self._steady_s is None else self._steady_s
        steady = now_s - self._steady_s >= _STEADY_S
        if self._owed and (steady or not self._came_back):
            _LOG.info("%s: delivers frames again", self.uri)
            self._owed, self._came_back = False, True
        if steady:
            self._told.clear()
            self._came_back, self._steady_s = False, None

    def _tell(self, error: EdgeError) -> None:
        """Log once per cause, so that an absent or intermittent camera does not fill the log."""
        self.error, self.failing, self._steady_s = error, True, None
        if str(error) not in self._told:
            self._told.add(str(error))
            self._owed = True
            _LOG.warning("%s; trying again", error)
