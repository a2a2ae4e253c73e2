"""Record the running session: a row a second, events and markers, written to disk once a second."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from edge.audience.group_size import GroupSize
from edge.core.events import CameraStatus, Event, EventType, Info, Playback, RunningSession
from edge.core.sink_base import BaseSink
from edge.core.types import SEVEN, Observation
from edge.recording.commit_watcher import CommitWatcher
from edge.recording.media_timeline import ENDED, is_news
from edge.recording.meter import SecondMeter
from edge.recording.rows import (
    SqlStatement,
    begin_session,
    end_others,
    end_session,
    put_event,
    put_media,
    put_second,
    put_session,
)
from edge.recording.summaries import put_summary
from edge.recording.values import MediaPoint, RecordedEvent, SessionRecord
from edge.recording.writer import SessionWriter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime
    from pathlib import Path

    from edge.config import SessionsConfig
    from edge.core.events import Message, Session
    from edge.core.labels import LabelSet
    from edge.recording.values import Second

_LOG = logging.getLogger(__name__)
_NS = 1_000_000_000
_STEP_NS = 2 * _NS
_LONGEST_GAP_NS = 24 * 3600 * _NS
_PLAN_SLACK_S = 1.0
_FILM_SLACK_S = 3.0
_AT_ONCE = {EventType.MARKER, EventType.SESSION_START, EventType.SESSION_END}
_WITH_FIGURES = {EventType.EXPRESSION_CHANGED, EventType.PEAK}


@dataclass(slots=True)
class _Current:
    """The running session; ``anchor_ns`` is the loop's time at its start, ``None`` until known after a restart."""

    record: SessionRecord
    meter: SecondMeter
    anchor_ns: int | None
    resumed: bool = False
    film: MediaPoint | None = None


class SessionSink(BaseSink):
    """Sink that records sessions; observations and events outside a session are not stored.

    ``time_of`` converts the loop's time to wall-clock time (``Stamp.time``). ``live`` is true if the loop's time is
    ``time.monotonic_ns``, false for recorded clips. ``accuracy`` is the manifest's entry for the head in use,
    ``labels`` are the model's classes.
    Times in a session follow the loop's clock, so that setting the system clock does not distort them; only the gap of
    a restart is measured by the wall clock.
    """

    name = "sessions"
    wants_ticks = True
    accepts: tuple[type, ...] = (Observation, Event, RunningSession, Info, CameraStatus, Playback)

    def __init__(
        self,
        path: Path,
        config: SessionsConfig,
        *,
        time_of: Callable[[int], datetime],
        live: bool = True,
        accuracy: Mapping[str, Any] | None = None,
        k: int | None = None,
        labels: LabelSet = SEVEN,
    ) -> None:
        self._group = GroupSize(config.k, k or 1)
        self._time_of = time_of
        self._live = live
        self._accuracy = accuracy
        self._classes = {} if labels == SEVEN else {"classes": labels.as_json()}
        self._about: dict[str, Any] = {}
        self._now_ns = 0
        self._current: _Current | None = None
        self._writer = SessionWriter(path, config, restore=self._restore)
        self._commits = CommitWatcher()

    def watch(self, kept: Callable[[list[int]], None], failing: Callable[[], None]) -> None:
        """Call ``kept`` with the ``seq`` of events on the disk, ``failing`` if events cannot be written now.

        Both are called on the sink's thread; events that belong to no session count as stored.
        """
        self._commits.kept, self._commits.failing = kept, failing

    def open(self) -> None:
        """Open and migrate an existing file; a new one is created when there is something to store."""
        self._writer.open()

    def handle(self, message: Message) -> None:
        """Process one message; faults of the file are logged, never raised."""
        match message:
            case Observation():
                self._observe(message)
            case Event():
                self._add_event(message)
                self._commits.handled(message.seq)
                self._commits.notify(self._writer)
            case RunningSession():
                self._follow(message.session)
            case Info():
                info = message.model_dump(exclude={"schema_version", "privacy", "labels"})
                self._about = {**info, "accuracy": self._accuracy, **self._classes}
            case Playback():
                self._play(message)
            case CameraStatus.OFFLINE | CameraStatus.PAUSED | CameraStatus.ENDED:
                self._stop_observing()
            case _:
                pass

    def tick(self, now_ns: int) -> None:
        """Finish a second that has ended without new observations, and write pending changes."""
        if self._live:
            self._now_ns = now_ns
            current = self._current
            if current is not None and current.anchor_ns is not None:
                self._store(current, current.meter.tick(now_ns - current.anchor_ns))
        self._writer.flush()
        self._commits.notify(self._writer)

    def close(self) -> None:
        """Write everything, including the unfinished second; the session continues after a restart. Idempotent."""
        current = self._current
        if current is not None and current.anchor_ns is not None:
            self._store(current, current.meter.flush(self._now_ns - current.anchor_ns))
            # the dispatcher may open the sink again after a failure: the session then continues
        self._writer.close()

    @property
    def drops(self) -> int:
        """Number of seconds lost because they could not be written for too long."""
        return self._writer.drops

    def _observe(self, observation: Observation) -> None:
        now_ns = self._now_ns = observation.monotonic_ns
        current = self._current
        if current is None:
            return
        offset_ns = self._offset_ns(current, now_ns)
        self._store(current, current.meter.observe(offset_ns, observation))

    def _store(self, current: _Current, seconds: Iterable[Second]) -> None:
        statements = [put_second(current.record.id, second) for second in seconds]
        if statements:
            self._writer.add(statements)
            self._writer.flush()

    def _stop_observing(self) -> None:
        current = self._current
        if current is not None and current.anchor_ns is not None:
            now_ns = time.monotonic_ns() if self._live else self._now_ns
            self._store(current, current.meter.forget(now_ns - current.anchor_ns))

    def _add_event(self, event: Event) -> None:
        if event.session is None:
            return
        now_ns = self._loop_ns(event.ts)
        if event.type is EventType.SESSION_START:
            self._begin(event, now_ns)
        current = self._current
        if current is None or current.record.id != event.session:
            return
        offset_ns = self._offset_ns(current, now_ns)
        if event.type not in _WITH_FIGURES or event.people >= current.record.k:
            self._writer.add([put_event(event.session, _recorded_event(event, offset_ns))])
        if event.type is EventType.SESSION_END:
            self._end(current, offset_ns)
        if event.type in _AT_ONCE:
            self._writer.flush()

    def _play(self, playback: Playback) -> None:
        current = self._current
        if current is None or current.record.id != playback.session:
            return
        offset_ns = self._offset_ns(current, playback.at_ns if self._live else self._now_ns)
        point = MediaPoint(round(max(0, offset_ns) / _NS, 3), round(playback.media_s, 3), playback.state)
        if is_news(current.film, point):
            current.film = point
            self._writer.add([put_media(playback.session, point)])
        if playback.duration_s is not None and current.record.media_duration_s is None:
            current.record = replace(current.record, media_duration_s=round(playback.duration_s, 3))
            self._writer.add([put_session(current.record)])

    def _begin(self, event: Event, anchor_ns: int) -> None:
        assert event.session is not None  # noqa: S101 - asked before
        k = self._group.usual  # until the session itself says which it has
        record = SessionRecord(event.session, event.label or "", event.ts, k=k, about=self._about)
        self._current = _Current(record, SecondMeter(k), anchor_ns)
        # a recorded clip gives the same ids each time that it is played
        self._writer.add(begin_session(record))

    def _end(self, current: _Current, offset_ns: int) -> None:
        self._store(current, current.meter.flush(offset_ns))
        lasted_s = round(offset_ns / _NS, 3)
        end = current.record.start + timedelta(seconds=lasted_s)
        identity = current.record.id
        self._writer.add([end_session(identity, end, _ended_by(current, lasted_s), lasted_s), put_summary(identity)])
        self._current = None
        _LOG.info("session %r is stored as %s", current.record.name, current.record.id)

    def _follow(self, session: Session | None) -> None:
        """Update the record from the running session, which may be one that a restart interrupted."""
        identity = None if session is None else session.id
        if self._current is None or self._current.record.id != identity:
            if self._writer.exists:
                self._writer.add(end_others(identity))
            self._current = None if session is None else self._resume(session)
        if session is not None and self._current is not None:
            self._fix_k(self._current, session)
            known = self._current.record
            media = session.media
            self._current.record = replace(
                known,
                title=session.title,
                start=session.start,  # which a clock that was set puts right
                kind=session.kind,
                planned_s=session.planned_s,
                media_name=None if media is None else media.name,
                media_duration_s=(None if media is None else media.duration_s) or known.media_duration_s,
            )
            self._writer.add([put_session(self._current.record)])
        self._writer.flush()

    def _resume(self, session: Session) -> _Current:
        known = self._writer.find(session.id)
        k = self._group.resumed(session.k if known is None else known.k)
        about = dict(self._about)
        if known is not None:  # its figures are of the classes that it began with
            about.pop("classes", None)
            about |= {"classes": known.about["classes"]} if "classes" in known.about else {}
        record = SessionRecord(session.id, session.title, session.start, k=k, about=about)
        return _Current(record, SecondMeter(k), None, resumed=True)

    def _fix_k(self, current: _Current, session: Session) -> None:
        """Use the ``k`` that ``session`` had at its start; a resumed session keeps the value in the file."""
        k = current.record.k if current.resumed else self._group.resumed(session.k)
        if k != current.record.k:
            if current.anchor_ns is not None:
                self._store(current, current.meter.flush(max(0, self._now_ns - current.anchor_ns)))
            current.meter = SecondMeter(k)
        current.record = replace(current.record, k=k, agreed=session.agreed)

    def _offset_ns(self, current: _Current, now_ns: int) -> int:
        """Return the time since the session's start; after a restart, never before the last stored second."""
        wall_ns = (self._time_of(now_ns) - current.record.start) // timedelta(microseconds=1) * 1000
        if current.anchor_ns is None:
            first_ns = (self._writer.last_second(current.record.id) + 1) * _NS
            known = first_ns <= wall_ns <= first_ns + _LONGEST_GAP_NS
            current.anchor_ns = now_ns - (wall_ns if known else first_ns)
        elif current.resumed:
            # a board without a battery-backed clock may get the time only minutes after the start
            late_ns = wall_ns - (now_ns - current.anchor_ns)
            if _STEP_NS < late_ns <= _LONGEST_GAP_NS:
                self._store(current, current.meter.forget(now_ns - current.anchor_ns))
                current.anchor_ns -= late_ns
        return now_ns - current.anchor_ns

    def _loop_ns(self, ts: datetime) -> int:
        return (ts - self._time_of(0)) // timedelta(microseconds=1) * 1000

    def _restore(self) -> list[SqlStatement]:
        return [] if self._current is None else [put_session(self._current.record)]


def _ended_by(current: _Current, lasted_s: float) -> str:
    film, planned_s = current.film, current.record.planned_s
    if film is not None and film.state == ENDED and lasted_s - film.at_s < _FILM_SLACK_S:
        return "media"
    return "plan" if planned_s is not None and 0 <= lasted_s - planned_s < _PLAN_SLACK_S else "stop"


def _recorded_event(event: Event, offset_ns: int) -> RecordedEvent:
    return RecordedEvent(
        at_s=round(max(0, offset_ns) / _NS, 3),
        id=event.id,
        type=event.type.value,
        people=event.people,
        label=event.label,
        emotion=None if event.emotion is None else str(event.emotion),
    )
