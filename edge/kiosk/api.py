"""The page's API: events, live picture and commands."""

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
from edge.kiosk.consent import FORBIDDEN, Context
from edge.kiosk.media.player import Choice
from edge.kiosk.paths import Full
from edge.kiosk.requests import Body, Refused, busy, read
from edge.kiosk.roles import Role

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request

    from edge.core.commands import Answer, Command
    from edge.kiosk.context import PageContext
    from edge.kiosk.live_feed import LiveFeed
    from edge.kiosk.media.player import Player

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


def routes(context: PageContext, feed: LiveFeed, player: Player) -> list[Route]:
    """Everything under ``/api`` but the login."""
    return [
        Route("/api/live", _live(context, feed), methods=["GET"]),
        Route("/api/picture", _picture(context), methods=["GET"]),
        Route("/api/consent", _state_consent(context), methods=["POST"]),
        _command(context, "mark", _Mark, lambda body: Mark(body.label)),
        _command(context, "privacy", _Privacy, lambda body: SetPrivacy(body.on)),
        _command(context, "display", _Display, lambda body: SetDisplay(body.on, body.brightness)),
        _command(context, "session/stop", _Nothing, lambda _: StopSession()),
        Route("/api/session/start", _start(context, player), methods=["POST"]),
    ]


def _live(context: PageContext, feed: LiveFeed) -> Callable[[Request], Awaitable[Response]]:
    async def live(request: Request) -> Response:
        visit = context.authorizer.require(request, Role.VIEWER)
        client = context.authorizer.client(request)
        try:
            feed.check(client)
        except Full as full:
            whose = "this address has" if full.of_address else "the device has"
            refusal = busy("full", f"{whose} as many pages open as may be", retry_s=5)
            raise refusal from None
        operates = visit.role is Role.OPERATOR
        greeting = json.dumps({"version": __version__, "now": round(time.time() * 1000), "node": context.node})
        return feed.stream(
            client,
            OPERATOR_TOPICS if operates else VIEWER_TOPICS,
            greeting=greeting,
            may_go_on=lambda: context.authorizer.access.holds(visit),
            operates=operates,
        )

    return live


def _picture(context: PageContext) -> Callable[[Request], Awaitable[Response]]:
    async def picture(request: Request) -> Response:
        context.authorizer.require(request, Role.OPERATOR)
        if context.tap is None:
            raise Refused(404, "off", "the live picture is switched off: see kiosk.live_picture")
        data = await asyncio.to_thread(context.tap.jpeg)
        return Response(status_code=204) if data is None else Response(data, media_type="image/jpeg")

    return picture


def _state_consent(context: PageContext) -> Callable[[Request], Awaitable[Response]]:
    async def state(request: Request) -> Response:
        context.authorizer.require_ours(request, Role.OPERATOR)
        stated_use = (await read(request, _Consent)).context
        if stated_use in FORBIDDEN:
            await context.commands.ask(SetPrivacy(on=True))
            raise Refused(
                403, "prohibited", "reading emotions at work or in education is prohibited: AI Act, Art. 5(1)(f)"
            )
        stated = await asyncio.to_thread(context.consent.state, stated_use)  # type: ignore[arg-type]
        return JSONResponse(stated.model_dump(mode="json"))

    return state


def _start(context: PageContext, player: Player) -> Callable[[Request], Awaitable[Response]]:
    async def start(request: Request) -> Response:
        context.authorizer.require_ours(request, Role.OPERATOR)
        body = await read(request, _Start)
        if context.consent.now is None:
            raise Refused(409, "consent", "say first what the device is used for, on the operator's page")
        media = None
        if body.film is not None:
            if await asyncio.to_thread(player.folder.find, body.film) is None:
                raise Refused(422, "invalid", f"film: {body.film!r} is not in the folder of films")
            media = Media(name=body.film)
        answer = await context.commands.ask(
            StartSession(body.title, body.kind, body.planned_s, media=media, k=body.k, agreed=body.agreed)
        )
        if answer.data is not None and media is not None:
            player.choose(str(answer.data.get("id")), Choice(mood=body.film_mood, end=body.film_ends))
        return _told(answer)

    return start


def _told(answer: Answer) -> Response:
    if answer.error is not None:
        return JSONResponse({"error": "refused", "detail": answer.error}, status_code=409)
    return JSONResponse(answer.data or {})


def _command(context: PageContext, path: str, kind: type[B], make: Callable[[B], Command]) -> Route:
    async def command(request: Request) -> Response:
        context.authorizer.require_ours(request, Role.OPERATOR)
        return _told(await context.commands.ask(make(await read(request, kind))))

    return Route(f"/api/{path}", command, methods=["POST"])
