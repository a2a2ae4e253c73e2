"""Addresses of the wall's film: the list, the files, what the wall reports, what the operator wants."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

from pydantic import Field
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from edge.core.commands import NotePlayback, StopSession
from edge.kiosk.media.folder import MEDIA_TYPES
from edge.kiosk.media.player import Report
from edge.kiosk.requests import Body, Refused, read
from edge.kiosk.roles import Role
from edge.recording.media_timeline import MediaState  # noqa: TC001 - Pydantic reads it

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request

    from edge.kiosk.context import PageContext
    from edge.kiosk.media.player import Player

    Handler = Callable[[Request], Awaitable[Response]]

_LONGEST_S = 7 * 86_400.0


class _Report(Body):
    wall: Annotated[str, Field(pattern=r"^[0-9a-zA-Z-]{8,64}$")]
    session: Annotated[str, Field(max_length=32)]
    state: MediaState
    at_s: Annotated[float, Field(ge=0, le=_LONGEST_S)]
    length_s: Annotated[float, Field(gt=0, le=_LONGEST_S)] | None = None
    blocked: bool = False


class _Steer(Body):
    play: bool


def routes(context: PageContext, player: Player) -> list[Route]:
    """Everything about the film that the wall plays."""
    return [
        Route("/api/media", _list(context, player), methods=["GET"]),
        Route("/media/{name}", _file(context, player), methods=["GET"]),
        Route("/api/player/report", _report(context, player), methods=["POST"]),
        Route("/api/player", _steer(context, player), methods=["POST"]),
    ]


def _list(context: PageContext, player: Player) -> Handler:
    async def listed(request: Request) -> Response:
        context.authorizer.require(request, Role.OPERATOR)
        folder = player.folder
        return JSONResponse({"set_up": folder.set_up, "names": await asyncio.to_thread(folder.names)})

    return listed


def _file(context: PageContext, player: Player) -> Handler:
    """Serve what the session plays, and nothing else, to viewers; ranges allow seeking."""

    async def file(request: Request) -> Response:
        visit = context.authorizer.require(request, Role.VIEWER)
        name = request.path_params["name"]
        allowed = visit.role is Role.OPERATOR or name == player.file
        found = await asyncio.to_thread(player.folder.find, name) if allowed else None
        if found is None:
            raise Refused(404, "gone", "no such film")
        request.state.played = True
        return FileResponse(found, media_type=MEDIA_TYPES[found.suffix.lower()])

    return file


def _report(context: PageContext, player: Player) -> Handler:
    async def report(request: Request) -> Response:
        context.authorizer.require_ours(request, Role.VIEWER)
        said = await read(request, _Report)
        ours, note, over = player.hear(Report(**said.model_dump()))
        if not ours:
            raise Refused(409, "elsewhere", "another wall plays the film, or it is over")
        if note is not None:
            context.commands.offer(NotePlayback(note))
        if over:
            await context.commands.ask(StopSession())
        return JSONResponse({})

    return report


def _steer(context: PageContext, player: Player) -> Handler:
    async def steer(request: Request) -> Response:
        context.authorizer.require_ours(request, Role.OPERATOR)
        if not player.steer(play=(await read(request, _Steer)).play):
            raise Refused(409, "refused", "no film is shown")
        return JSONResponse({})

    return steer
