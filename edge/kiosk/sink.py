"""The sink behind the page: keeps the newest of everything and runs the server; requests go to the inbox."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from edge.core.commands import NotePlayback
from edge.core.errors import FileUnavailable, HardwareUnavailable, InputError
from edge.core.events import (
    CameraStatus,
    Event,
    EventType,
    Health,
    Info,
    Lighting,
    Look,
    Privacy,
    RunningSession,
)
from edge.core.sink_base import BaseSink
from edge.core.types import SEVEN, Observation
from edge.kiosk import live
from edge.kiosk.timeline import Timeline
from edge.kiosk.topic_cache import TopicCache
from edge.system.installation import adding
from edge.util.sockets import in_url, local_address
from edge.vision.reach import reach

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge.config import Config, DetectorConfig
    from edge.core.commands import CommandQueue
    from edge.core.events import Message, Session
    from edge.core.labels import LabelSet
    from edge.kiosk.certificate import Certificate
    from edge.kiosk.media.player import Player
    from edge.kiosk.picture import FrameTap
    from edge.kiosk.server import Server

_NS = 1_000_000_000
_EVENTS_SHOWN = 40
_LOUD = {EventType.MARKER, EventType.PEAK, EventType.SESSION_START, EventType.SESSION_END}
"""Kinds of event that an operator is told one by one."""


class KioskSink(BaseSink):
    """``open`` serves the pages, ``close`` ends that; what was last known stays over a closing and opening.

    ``tap`` gives the live picture, where that is switched on; ``labels`` are the classes of the model in use. While a
    file that the page needs (password, certificate, own key) cannot be used, ``open`` raises the reason; nothing else
    of the device depends on the page.
    """

    name = "kiosk"
    wants_ticks = True
    accepts: tuple[type, ...] = (
        Observation,
        Look,
        Event,
        Health,
        Info,
        CameraStatus,
        Privacy,
        Lighting,
        RunningSession,
    )

    def __init__(
        self, config: Config, inbox: CommandQueue, tap: FrameTap | None = None, labels: LabelSet = SEVEN
    ) -> None:
        """Check the settings and take what is read from files.

        Raises:
            ConfigError: others could come in without a password, or settings contradict each other.
            HardwareUnavailable: the extra `kiosk` is not installed.
        """
        require_packages()
        self._config = config
        self._tap = tap
        self._k = config.privacy.k
        self.board = TopicCache()
        self._labels = labels
        self._timeline = Timeline(labels=labels)
        self._timeline_due_s = 0.0
        self._session: str | None = None
        self._events: list[dict[str, Any]] = []
        self._observation: Observation | None = None
        self._early: Look | None = None
        self._source = config.source
        self._seeing: tuple[DetectorConfig, str] | None = None
        self._reach_of: tuple[int, int] | None = None
        self._inbox = inbox
        self._player: Player | None = None
        self._server: Server | None = None
        with suppress(FileUnavailable, InputError):  # raised again by open
            self._server = self._made()
        self._show: dict[type, Callable[[Any], None]] = {
            Observation: self._observe,
            Look: self._look,
            Event: self._happen,
            RunningSession: self._run_session,
            Health: lambda health: self.board.put("health", health.model_dump(mode="json", by_alias=True)),
            Info: lambda info: self.board.put("info", json.loads(info.to_json())),
            CameraStatus: lambda status: self.board.put("camera", status.value),
            Privacy: lambda privacy: self.board.put("privacy", privacy.on),
            Lighting: lambda light: self.board.put("lighting", {"on": light.on, "brightness": light.brightness}),
        }

    @property
    def url(self) -> str:
        """Return the address under which this machine reaches the page while it is served."""
        if self._server is not None:
            return self._server.url
        settings = self._config.kiosk
        scheme = "http" if settings.tls == "off" else "https"
        return f"{scheme}://{in_url(local_address(settings.host))}:{settings.port}"

    @property
    def certificate(self) -> Certificate | None:
        """Return the certificate that it shows over HTTPS."""
        return None if self._server is None else self._server.certificate

    def see_with(self, settings: DetectorConfig, kind: str) -> None:
        """Tell the pages how far the detector ``kind`` finds faces, from the next frame on; safe from any thread."""
        self._seeing, self._reach_of = (settings, kind), None

    def open(self) -> None:
        """Serve.

        Raises:
            SinkError: the address cannot be served.
            FileUnavailable: a file that the settings name cannot be used now.
            InputError: the state folder cannot be written.
        """
        if self._server is None:
            self._server = self._made()
        self._server.start()

    def _made(self) -> Server:
        from edge.kiosk.app import Kiosk
        from edge.kiosk.server import Server

        kiosk = Kiosk(self._config, self.board, self._inbox, self._tap, self._labels)
        self._player = kiosk.player
        return Server(kiosk)

    def handle(self, message: Message) -> None:
        """Make it the newest of its kind."""
        self._show[type(message)](message)

    def tick(self, now_ns: int) -> None:
        """Tell the timeline, once per step, and notice a wall that plays no more."""
        if self._player is not None and (note := self._player.tick()) is not None:
            self._inbox.offer(NotePlayback(note))
        now_s = now_ns / _NS
        if now_s >= self._timeline_due_s:
            self._tell_timeline(now_s)

    def close(self) -> None:
        """Stop serving; harmless when repeated."""
        if self._server is not None:
            self._server.stop()

    def _observe(self, observation: Observation) -> None:
        self._observation = observation
        size = observation.frame_width, observation.frame_height
        if self._seeing is not None and size != self._reach_of:
            self._reach_of = size
            settings, kind = self._seeing
            self.board.put("reach", live.reach(reach(self._source, settings, *size, kind=kind)))
        if self._early is not None and self._early.frame_ns == observation.monotonic_ns:
            self._look(self._early)

    def _look(self, look: Look) -> None:
        """Tell the mood: emotion, number of faces and scores of one and the same frame.

        Of each kind of message only the newest waits, so that a look may come before its frame: then it waits for it.
        """
        seen = self._observation
        if look.frame_ns is not None and (seen is None or seen.monotonic_ns != look.frame_ns):
            self._early = look
            return
        self._early = None
        observation = self._observation if look.emotion is not None or look.people or _sees(look) else None
        self._observation = observation
        told = live.mood(look, observation, k=self._k, taken_ms=_taken_ms(observation))
        self.board.put("mood", told)
        self.board.put("faces", live.faces(observation, k=self._k))
        emotion = None if told["emotion"] is None else look.emotion
        self._timeline.add(time.monotonic(), emotion, told["valence"], told["people"])

    def _happen(self, event: Event) -> None:
        if event.type is EventType.MARKER:
            self._timeline.mark(time.monotonic(), event.label or "")
            self._tell_timeline(time.monotonic())
        if event.type in _LOUD:
            told = event.model_dump(mode="json", include={"id", "ts", "type", "emotion", "label", "people"})
            self._events = [*self._events, told][-_EVENTS_SHOWN:]
            self.board.put("events", self._events)

    def _run_session(self, running: RunningSession) -> None:
        session = running.session
        self.board.put("session", None if session is None else session.model_dump(mode="json", by_alias=True))
        if self._player is not None:
            self._player.follow(session)
        identity = None if session is None else session.id
        if identity != self._session:
            self._session = identity
            elapsed_s = 0.0 if session is None else _elapsed_s(session)
            self._timeline.begin(time.monotonic(), session=session is not None, elapsed_s=elapsed_s)
        self._tell_timeline(time.monotonic())

    def _tell_timeline(self, now_s: float) -> None:
        self._timeline_due_s = now_s + self._timeline.step_s
        self.board.put("timeline", self._timeline.as_dict(now_s))


def require_packages() -> None:
    """See that the server and all it needs is installed.

    Raises:
        HardwareUnavailable: it is not.
    """
    try:
        import itsdangerous  # noqa: F401
        import jinja2  # noqa: F401
        import segno  # noqa: F401
        import starlette  # noqa: F401
        import uvicorn  # noqa: F401
    except ImportError as error:
        msg = f"the page needs {error.name}: {adding('kiosk')}, or set kiosk.enabled = false"
        raise HardwareUnavailable(msg) from None


def _sees(look: Look) -> bool:
    from edge.core.events import LookKind

    return look.kind in {LookKind.NO_FACE, LookKind.UNCERTAIN}


def _taken_ms(observation: Observation | None) -> float | None:
    """Unix time of a live frame, in milliseconds."""
    if observation is None:
        return None
    return round((time.time_ns() - time.monotonic_ns() + observation.monotonic_ns) / 1e6, 1)


def _elapsed_s(session: Session) -> float:
    return (datetime.now(UTC) - session.start).total_seconds()
