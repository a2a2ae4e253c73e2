"""The page ``/camera`` and what it asks: a frame in, faces out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import JSONResponse
from starlette.routing import Route

from edge.kiosk import pages
from edge.kiosk.access import Role
from edge.kiosk.paths import client_of
from edge.kiosk.requests import Refused, require_ours, to_login

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request
    from starlette.responses import Response

    from edge.kiosk.app import Kiosk

FRAME_PATH = "/api/camera"
POLICY = "camera=(self), microphone=(), geolocation=()"
"""Of this page alone: no other page of the device may ask for a camera."""


def routes(kiosk: Kiosk) -> list[Route]:
    """The page, its frames, and its end."""
    return [
        Route("/camera", _page(kiosk), methods=["GET"]),
        Route(FRAME_PATH, _look(kiosk), methods=["POST"]),
        Route(f"{FRAME_PATH}/leave", _leave(kiosk), methods=["POST"]),
    ]


def least(kiosk: Kiosk) -> Role:
    """Who may have their own camera read."""
    return Role.VIEWER if kiosk.settings.visitors else Role.OPERATOR


def _page(kiosk: Kiosk) -> Callable[[Request], Awaitable[Response]]:
    async def page(request: Request) -> Response:
        if kiosk.visit(request).role < least(kiosk):
            return to_login(request, "/camera")
        response = pages.render(kiosk, request, "camera.html")
        response.headers["Permissions-Policy"] = POLICY
        return response

    return page


def _look(kiosk: Kiosk) -> Callable[[Request], Awaitable[Response]]:
    async def look(request: Request) -> Response:
        visit = require_ours(kiosk, request, least(kiosk))
        if request.headers.get("content-type", "") != "image/jpeg":
            raise Refused(415, "invalid", "expected image/jpeg")
        return JSONResponse(await kiosk.cameras.look(visit.identity, client_of(kiosk, request), await request.body()))

    return look


def _leave(kiosk: Kiosk) -> Callable[[Request], Awaitable[Response]]:
    async def leave(request: Request) -> Response:
        kiosk.cameras.leave(require_ours(kiosk, request, least(kiosk)).identity)
        return JSONResponse({})

    return leave
