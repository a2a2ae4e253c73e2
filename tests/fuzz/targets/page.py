"""Requests of browsers: the bodies of every request that has one, and reports of the video player."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import TYPE_CHECKING, Any

from edge.core.errors import InputError
from tests.fuzz import mutate
from tests.fuzz.target import FuzzTarget

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from random import Random

    from edge.kiosk.requests import Body

_CUT = b"\x1e"
_SESSION = "01KQT426230000000000000003"
_MODULES = ("api", "login", "media.routes", "reports.routes", "analyze.intake", "analyze.routes")
_BODIES: tuple[dict[str, Any], ...] = (
    {"label": "the joke"},
    {"title": "Matinee", "kind": "film", "planned_s": 90, "film": "x.mp4", "film_mood": True, "film_ends": False},
    {"on": True, "brightness": 0.5},
    {"context": "work"},
    {"password": "correct horse"},
    {"wall": "0123456789ab", "session": _SESSION, "state": "playing", "at_s": 12.5, "length_s": 60, "blocked": False},
    {"play": True},
    {"ids": [_SESSION]},
    {"name": "x.jpg", "size": 100, "head": base64.b64encode(b"\xff\xd8\xff" + bytes(60)).decode()},
    {"tab": "a" * 16},
)


def bodies(folder: Path) -> FuzzTarget:
    """Test ``NAME, JSON``: a body is parsed or refused; a player's report also goes to the player."""
    from importlib import import_module

    from edge.kiosk.requests import Body, Refused, read

    for module in _MODULES:
        import_module(f"edge.kiosk.{module}")
    kinds = {kind.__name__: kind for kind in Body.__subclasses__()}
    loop = asyncio.new_event_loop()
    then = _doors(folder)

    def attempt(data: bytes) -> None:
        name, _, body = data.partition(_CUT)
        kind = kinds[name.decode()]
        try:
            said = loop.run_until_complete(read(_request(body), kind))
        except Refused as refusal:
            json.loads(bytes(refusal.answer.body))
            return
        then.get(kind.__name__, lambda _said: None)(said)
        json.dumps(said.model_dump(mode="json"))

    corpus = [json.dumps(body).encode() for body in _BODIES]
    return FuzzTarget(corpus, attempt, lambda random, given: _named(random, given, sorted(kinds)))


def _named(random: Random, corpus: Sequence[bytes], kinds: Sequence[str]) -> bytes:
    return random.choice(kinds).encode() + _CUT + mutate.text(random, corpus)


def _request(body: bytes) -> Any:
    from starlette.requests import Request

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    headers = [(b"content-type", b"application/json")]
    return Request({"type": "http", "method": "POST", "path": "/", "query_string": b"", "headers": headers}, receive)


def _doors(folder: Path) -> dict[str, Callable[[Any], None]]:
    """Return further handling of a body, other than forwarding it as a command."""
    from datetime import UTC, datetime

    from edge.analysis.kinds import recognise
    from edge.config import SessionsConfig
    from edge.core.events import Media, RunningSession, Session
    from edge.kiosk.media.player import Player, Report
    from edge.kiosk.topic_cache import TopicCache
    from edge.recording.sink import SessionSink

    (folder / "x.mp4").write_bytes(b"film")
    player = Player(folder, TopicCache())
    start = datetime(2026, 3, 1, tzinfo=UTC)
    session = Session(id=_SESSION, title="x", start=start, media=Media(name="x.mp4"))
    player.follow(session)
    sink = SessionSink(folder / "sessions.sqlite3", SessionsConfig(), time_of=lambda _ns: start)
    sink.handle(RunningSession(session))

    def report(said: Body) -> None:
        _, note, _ = player.hear(Report(**said.model_dump()))
        if note is not None:
            sink.handle(note)
            sink.tick(note.at_ns)

    def announce(said: Body) -> None:
        try:
            recognise(base64.b64decode(said.model_dump()["head"]))
        except (InputError, ValueError):
            return

    return {"_Report": report, "Announcement": announce}
