"""Publish events, states, aggregates and single faces from observations to the sinks.

Called by the loop on its thread; ``now_ns`` is the time of frames.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge.core.stage_timer import StageTimer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from edge.audience.aggregate import Aggregator
    from edge.audience.event_detector import EventDetector, Update
    from edge.audience.track_publisher import TrackPublisher
    from edge.core.events import Message, State
    from edge.core.types import Observation


class ObservationPublisher:
    """Publisher of observations through ``put``; without ``aggregator`` no aggregates, without ``tracks`` no faces."""

    def __init__(
        self,
        narrator: EventDetector,
        put: Callable[[Message], None],
        *,
        aggregator: Aggregator | None = None,
        tracks: TrackPublisher | None = None,
        timer: StageTimer | None = None,
    ) -> None:
        self.narrator = narrator
        self.aggregator = aggregator
        self.states = 0
        """States handed to the outputs since the start."""
        self._put = put
        self._tracks = tracks
        self._timer = timer or StageTimer()

    def observe(self, observation: Observation) -> None:
        """Publish the results of a frame."""
        with self._timer("tell"):
            told = self.narrator.observe(observation)
            windows = [] if self.aggregator is None else self.aggregator.observe(observation)
            tracks = None if self._tracks is None else self._tracks.observe(observation)
        with self._timer("publish"):
            self._put(observation)
            self._say(told)
            self._say_all(windows)
            if tracks is not None:
                self._put(tracks)

    def tick(self, now_ns: int) -> None:
        """Publish what is due without a frame: an ended window, the held-back state, the heartbeat."""
        if self.aggregator is not None:
            self._say_all(self.aggregator.tick(now_ns))
        self._say_state(self.narrator.tick(now_ns))

    def lose_sight(self, now_ns: int) -> None:
        """Publish that the camera is gone."""
        self._look_away(now_ns)
        self._say(self.narrator.lose_sight(now_ns))

    def end(self, now_ns: int) -> None:
        """Publish that the recording has ended."""
        self._look_away(now_ns)
        self._say(self.narrator.end(now_ns))

    def pause(self, now_ns: int) -> None:
        """Publish that observation is paused."""
        self._look_away(now_ns)
        self._say(self.narrator.pause(now_ns))

    def resume(self, now_ns: int) -> None:
        """Publish that observation has resumed."""
        self._say(self.narrator.resume(now_ns))

    def flush(self, now_ns: int) -> None:
        """Publish what was held back; nothing follows."""
        self._say_state(self.narrator.flush())
        if self.aggregator is not None:
            self._say_all(self.aggregator.flush(now_ns))

    def _look_away(self, now_ns: int) -> None:
        """Who was in view is not known to be there any more."""
        if self.aggregator is not None:
            self._say_all(self.aggregator.tick(now_ns))
            self.aggregator.forget()

    def _say(self, told: Update) -> None:
        self._put(told.look)
        self._say_all(told.events)
        self._say_state(told.state)

    def _say_state(self, state: State | None) -> None:
        if state is not None:
            self.states += 1
            self._put(state)

    def _say_all(self, messages: Iterable[Message]) -> None:
        for message in messages:
            self._put(message)
