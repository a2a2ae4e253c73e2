"""Execute and answer commands: marks, sessions, privacy, displays."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any, assert_never

from edge.audience.group_size import GroupSize
from edge.core.commands import (
    Answer,
    CheckHealth,
    CheckStatus,
    Mark,
    NotePlayback,
    SetDisplay,
    SetPrivacy,
    StartSession,
    StopSession,
)
from edge.core.errors import InputError
from edge.core.events import Lighting, Privacy, RunningSession, Session
from edge.runtime.durability_barrier import warned

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge.audience.aggregate import Aggregator
    from edge.audience.event_detector import EventDetector
    from edge.core.commands import Command, CommandQueue, Request
    from edge.core.events import Event, Health, Message, Stamp
    from edge.runtime.durability_barrier import DurabilityBarrier
    from edge.runtime.saved_switches import SettingsStore

_LOG = logging.getLogger(__name__)
_NS = 1_000_000_000
_SWITCHES = (SetPrivacy, SetDisplay, StartSession, StopSession)
"""Commands whose effect must outlive a restart."""


class Control:
    """Called by the loop, on its thread; ``put`` hands messages to the sinks, ``health`` says how the device is.

    ``about`` gives what the device is and how its camera does. With ``receipts``, the answer to a request that makes an
    event is given when the event is on the disk. ``group`` says how many faces the figures of a session need.
    """

    def __init__(
        self,
        inbox: CommandQueue,
        settings: SettingsStore,
        *,
        stamp: Stamp,
        narrator: EventDetector,
        aggregator: Aggregator | None,
        put: Callable[[Message], None],
        health: Callable[[], Health],
        about: Callable[[], dict[str, Any]],
        receipts: DurabilityBarrier | None = None,
        group: GroupSize | None = None,
    ) -> None:
        self._inbox = inbox
        self._settings = settings
        self._stamp = stamp
        self._narrator = narrator
        self._aggregator = aggregator
        self._put = put
        self._health = health
        self._about = about
        self._receipts = receipts
        self._group = group or GroupSize(1)
        self._made: list[int] = []
        self._ends_ns: int | None = None
        self._began_ns: int | None = None

    @property
    def privacy(self) -> bool:
        """True while nobody is to be looked at."""
        return self._settings.now.privacy

    def announce(self, now_ns: int) -> None:
        """Tell the sinks how everything is switched, and go on with a session that a restart interrupted."""
        settings = self._settings.now
        self._put(Privacy(settings.privacy))
        self._put(Lighting(settings.display_on, settings.display_brightness))
        self._put(RunningSession(settings.session))
        if settings.session is not None:
            _LOG.info("session %r goes on", settings.session.title or settings.session.id)
            self._narrator.resume_session(settings.session)
            self._began_ns = self._begin_of(settings.session, now_ns)
            self._begin_aggregates(settings.session)

    def clock_was_set(self) -> None:
        """Correct the start of the running session: it began as long ago as the monotonic clock says.

        Otherwise one that began in 1970 would seem to have lasted for decades after the next start.
        """
        session = self._settings.now.session
        if session is None:
            return
        self._ends_ns = None
        if self._began_ns is not None:
            session = session.model_copy(update={"start": self._stamp.time(self._began_ns)})
            self._settings.change(session=session)
            self._put(RunningSession(session))

    def end_session(self, now_ns: int) -> None:
        """End the session that runs, if any: what it was about is over."""
        if self._settings.now.session is not None:
            self._give(self._stop_session(now_ns), _nobody)

    def serve(self, now_ns: int) -> None:
        """Do what was asked since the last call, and end a session whose planned length is over."""
        if self._is_over(now_ns):
            self._give(self._stop_session(now_ns), _nobody)
        for request in self._inbox.take():
            self._serve(request, now_ns)

    def _serve(self, request: Request, now_ns: int) -> None:
        try:
            answer = self._do(request.command, now_ns)
            if answer.error is None and isinstance(request.command, _SWITCHES) and not self._settings.kept:
                answer = warned(answer)
        except Exception as error:  # noqa: BLE001 - no request may end the loop
            _LOG.exception("%s failed", type(request.command).__name__)
            answer = Answer(error=f"failed: {type(error).__name__}")
        self._give(answer, request.answer)

    def _give(self, answer: Answer, tell: Callable[[Answer], None]) -> None:
        """Answer, as soon as the events that were made for it are kept."""
        made, self._made = self._made, []
        if self._receipts is None:
            tell(answer)
        else:
            self._receipts.hold(made, answer, tell)

    def _put_asked_for(self, event: Event) -> None:
        if self._receipts is not None:
            self._receipts.expect(event)
            self._made.append(event.seq)
        self._put(event)

    def _do(self, command: Command, now_ns: int) -> Answer:  # noqa: PLR0911 - one a command
        match command:
            case Mark():
                return self._mark(command, now_ns)
            case StartSession():
                return self._start_session(command, now_ns)
            case StopSession():
                return self._stop_session(now_ns)
            case CheckHealth():
                return Answer(json.loads(self._health().to_json()))
            case CheckStatus():
                return Answer(self._status())
            case SetPrivacy():
                return self._set_privacy(command)
            case SetDisplay():
                return self._set_display(command)
            case NotePlayback():
                return self._note_playback(command)
            case _:
                assert_never(command)

    def _status(self) -> dict[str, Any]:
        settings = self._settings.now
        return {
            **self._about(),
            "privacy": settings.privacy,
            "session": None if settings.session is None else json.loads(settings.session.to_json()),
            "display": {"on": settings.display_on, "brightness": settings.display_brightness},
            "health": json.loads(self._health().to_json()),
        }

    def _begin_of(self, session: Session, now_ns: int) -> int | None:
        """When a resumed session began, by the loop's clock; ``None`` where the wall clock is behind its start.

        Then it is the wall clock that has yet to be set, and the start that is right.
        """
        gone_s = (self._stamp.time(now_ns) - session.start).total_seconds()
        return now_ns - int(gone_s * _NS) if gone_s >= 0 else None

    def _is_over(self, now_ns: int) -> bool:
        """On the loop's own clock, which nobody sets; only what a restart interrupted goes by the wall clock."""
        session = self._settings.now.session
        if session is None or session.planned_s is None:
            return False
        if self._ends_ns is None:
            gone_s = (self._stamp.time(now_ns) - session.start).total_seconds()
            self._ends_ns = now_ns + int((session.planned_s - gone_s) * _NS)
        return now_ns >= self._ends_ns

    def _mark(self, command: Mark, now_ns: int) -> Answer:
        event = self._narrator.mark(command.label, now_ns)
        self._put_asked_for(event)
        return Answer(json.loads(event.to_json()))

    def _start_session(self, command: StartSession, now_ns: int) -> Answer:
        running = self._settings.now.session
        if running is not None:
            return Answer(error=f"session {running.title or running.id!r} is running: stop it first")
        try:
            k = self._group.of(command)
        except InputError as refusal:
            return Answer(error=str(refusal))
        session = Session(
            id=self._stamp.identity(now_ns),
            title=command.title,
            start=self._stamp.time(now_ns),
            kind=command.kind,
            planned_s=command.planned_s,
            media=command.media,
            k=k,
            agreed=command.agreed,
        )
        self._ends_ns = None if command.planned_s is None else now_ns + int(command.planned_s * _NS)
        self._began_ns = now_ns
        self._settings.change(session=session)
        self._end_aggregates(now_ns)
        self._put_asked_for(self._narrator.start_session(session, now_ns))
        self._begin_aggregates(session)
        self._put(RunningSession(session))
        return Answer(json.loads(session.to_json()))

    def _stop_session(self, now_ns: int) -> Answer:
        running = self._settings.now.session
        if running is None:
            return Answer(error="no session is running")
        self._end_aggregates(now_ns)
        self._begin_aggregates(None)
        self._put_asked_for(self._narrator.end_session(running.title, now_ns))
        self._settings.change(session=None)
        self._ends_ns = None
        self._put(RunningSession(None))
        lasted_s = (self._stamp.time(now_ns) - running.start).total_seconds()
        return Answer({**json.loads(running.to_json()), "seconds": round(lasted_s, 3)})

    def _set_privacy(self, command: SetPrivacy) -> Answer:
        on = not self.privacy if command.on is None else command.on
        self._settings.change(privacy=on)
        self._put(Privacy(on))
        return Answer({"privacy": on})

    def _set_display(self, command: SetDisplay) -> Answer:
        settings = self._settings.now
        on = settings.display_on if command.on is None else command.on
        brightness = settings.display_brightness if command.brightness is None else command.brightness
        self._settings.change(display_on=on, display_brightness=brightness)
        self._put(Lighting(on, brightness))
        return Answer({"on": on, "brightness": brightness})

    def _note_playback(self, command: NotePlayback) -> Answer:
        running = self._settings.now.session
        if running is None or running.id != command.playback.session:
            return Answer(error="that session is not running")
        self._put(command.playback)
        return Answer()

    def _end_aggregates(self, now_ns: int) -> None:
        if self._aggregator is not None:
            for aggregate in self._aggregator.flush(now_ns):
                self._put(aggregate)

    def _begin_aggregates(self, session: Session | None) -> None:
        if self._aggregator is None:
            return
        if session is None:
            self._aggregator.follow(None)
        else:
            self._aggregator.follow(session.id, self._group.resumed(session.k))


def _nobody(_answer: Answer) -> None:
    """Discard the answer about a session that ends by its plan."""
