"""What the device says of what it sees: events and states, windows, single faces; handed to the sinks.

Called by the loop, on its thread; ``now_ns`` is the time that frames carry.
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
    """``put`` hands on; without ``aggregator`` there are no windows, without ``tracks`` no single faces."""

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
        """Say what a frame shows."""
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
        """Say what is due without a frame: the window that ended, the held-back state, the heartbeat."""
        if self.aggregator is not None:
            self._say_all(self.aggregator.tick(now_ns))
        self._say_state(self.narrator.tick(now_ns))

    def lose_sight(self, now_ns: int) -> None:
        """The camera is gone."""
        self._look_away(now_ns)
        self._say(self.narrator.lose_sight(now_ns))

    def end(self, now_ns: int) -> None:
        """The recording is over."""
        self._look_away(now_ns)
        self._say(self.narrator.end(now_ns))

    def pause(self, now_ns: int) -> None:
        """Nobody is to be looked at."""
        self._look_away(now_ns)
        self._say(self.narrator.pause(now_ns))

    def resume(self, now_ns: int) -> None:
        """The pause is over."""
        self._say(self.narrator.resume(now_ns))

    def flush(self, now_ns: int) -> None:
        """Say what was held back; nothing comes after it."""
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
