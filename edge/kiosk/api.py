"""What pages ask of the device: its news, its picture, and commands."""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING, Annotated, Literal, TypeVar

from pydantic import Field
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from edge import __version__
from edge.core.commands import Mark, SetDisplay, SetPrivacy, StartSession, StopSession
from edge.core.events import Media, SessionKind
from edge.core.events.messages import GROUP_MAX, LABEL_MAX
from edge.kiosk.access import Role
from edge.kiosk.consent import FORBIDDEN, Context
from edge.kiosk.media.player import Choice
from edge.kiosk.paths import Full, client_of
from edge.kiosk.requests import Body, Refused, busy, read, require, require_ours
from edge.kiosk.stream import Held, Stream

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request
    from starlette.types import Receive, Scope, Send

    from edge.core.commands import Answer
    from edge.kiosk.app import Kiosk

VIEWER_TOPICS = frozenset({"mood", "timeline", "camera", "privacy", "session", "player"})
OPERATOR_TOPICS = VIEWER_TOPICS | {"faces", "events", "health", "info", "lighting", "reach"}
LONGEST_SESSION_S = 24 * 3600.0
Label = Annotated[str, Field(max_length=LABEL_MAX)]
B = TypeVar("B", bound=Body)


class _Mark(Body):
    label: Label = ""


class _Start(Body):
    title: Label = ""
    kind: SessionKind = SessionKind.OTHER
    planned_s: Annotated[float, Field(gt=0, le=LONGEST_SESSION_S)] | None = None
    film: Label | None = None
    film_mood: bool = True
    film_ends: bool = False
    k: Annotated[int, Field(ge=1, le=GROUP_MAX)] | None = None
    agreed: bool = False


class _Nothing(Body):
    pass


class _Privacy(Body):
    on: bool


class _Display(Body):
    on: bool | None = None
    brightness: Annotated[float, Field(ge=0, le=1)] | None = None


class _Consent(Body):
    context: Context | Literal["work", "education"]


def routes(kiosk: Kiosk) -> list[Route]:
    """Everything under ``/api`` but the login."""
    return [
        Route("/api/live", _live(kiosk), methods=["GET"]),
        Route("/api/picture", _picture(kiosk), methods=["GET"]),
        Route("/api/consent", _state_consent(kiosk), methods=["POST"]),
        _command(kiosk, "mark", _Mark, lambda body: Mark(body.label)),
        _command(kiosk, "privacy", _Privacy, lambda body: SetPrivacy(body.on)),
        _command(kiosk, "display", _Display, lambda body: SetDisplay(body.on, body.brightness)),
        _command(kiosk, "session/stop", _Nothing, lambda _: StopSession()),
        Route("/api/session/start", _start(kiosk), methods=["POST"]),
    ]


def _live(kiosk: Kiosk) -> Callable[[Request], Awaitable[Response]]:
    async def live(request: Request) -> Response:
        visit = require(kiosk, request, Role.VIEWER)
        client = client_of(kiosk, request)
        try:
            kiosk.streams.check(client)
        except Full as full:
            whose = "this address has" if full.of_address else "the device has"
            refusal = busy("full", f"{whose} as many pages open as may be", retry_s=5)
            raise refusal from None
        operates = visit.role is Role.OPERATOR
        greeting = json.dumps({"version": __version__, "now": round(time.time() * 1000), "node": kiosk.node})
        stream = Stream(
            kiosk.board,
            kiosk.bell,
            OPERATOR_TOPICS if operates else VIEWER_TOPICS,
            greeting=greeting,
            may_go_on=lambda: kiosk.access.holds(visit),
        )
        return Held(kiosk.streams, client, stream, _Counted(kiosk, stream) if operates else None)

    return live


class _Counted(Response):
    """A stream to an operator, for whom health is asked more often while it lasts."""

    def __init__(self, kiosk: Kiosk, stream: Stream) -> None:
        super().__init__()
        self._kiosk = kiosk
        self._stream = stream

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._kiosk.operators += 1
        try:
            await self._stream(scope, receive, send)
        finally:
            self._kiosk.operators -= 1


def _picture(kiosk: Kiosk) -> Callable[[Request], Awaitable[Response]]:
    async def picture(request: Request) -> Response:
        require(kiosk, request, Role.OPERATOR)
        if kiosk.tap is None:
            raise Refused(404, "off", "the live picture is switched off: see kiosk.live_picture")
        data = await asyncio.to_thread(kiosk.tap.jpeg)
        return Response(status_code=204) if data is None else Response(data, media_type="image/jpeg")

    return picture


def _state_consent(kiosk: Kiosk) -> Callable[[Request], Awaitable[Response]]:
    async def state(request: Request) -> Response:
        require_ours(kiosk, request, Role.OPERATOR)
        context = (await read(request, _Consent)).context
        if context in FORBIDDEN:
            await kiosk.ask(SetPrivacy(on=True))
            raise Refused(
                403, "prohibited", "reading emotions at work or in education is prohibited: AI Act, Art. 5(1)(f)"
            )
        stated = await asyncio.to_thread(kiosk.consent.state, context)  # type: ignore[arg-type]
        return JSONResponse(stated.model_dump(mode="json"))

    return state


def _start(kiosk: Kiosk) -> Callable[[Request], Awaitable[Response]]:
    async def start(request: Request) -> Response:
        require_ours(kiosk, request, Role.OPERATOR)
        body = await read(request, _Start)
        if kiosk.consent.now is None:
            raise Refused(409, "consent", "say first what the device is used for, on the operator's page")
        media = None
        if body.film is not None:
            if await asyncio.to_thread(kiosk.player.folder.find, body.film) is None:
                raise Refused(422, "invalid", f"film: {body.film!r} is not in the folder of films")
            media = Media(name=body.film)
        answer = await kiosk.ask(
            StartSession(body.title, body.kind, body.planned_s, media=media, k=body.k, agreed=body.agreed)
        )
        if answer.data is not None and media is not None:
            kiosk.player.choose(str(answer.data.get("id")), Choice(mood=body.film_mood, end=body.film_ends))
        return _told(answer)

    return start


def _told(answer: Answer) -> Response:
    if answer.error is not None:
        return JSONResponse({"error": "refused", "detail": answer.error}, status_code=409)
    return JSONResponse(answer.data or {})


def _command(kiosk: Kiosk, path: str, kind: type[B], make: Callable[[B], object]) -> Route:
    async def command(request: Request) -> Response:
        require_ours(kiosk, request, Role.OPERATOR)
        return _told(await kiosk.ask(make(await read(request, kind))))

    return Route(f"/api/{path}", command, methods=["POST"])
