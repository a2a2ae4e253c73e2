"""The page ``/camera`` and what it asks: a frame in, faces out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import JSONResponse
from starlette.routing import Route

from edge.kiosk import pages
from edge.kiosk.requests import Refused, to_login
from edge.kiosk.roles import Role

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request
    from starlette.responses import Response

    from edge.kiosk.context import PageContext
    from edge.kiosk.visitors.cameras import Cameras

FRAME_PATH = "/api/camera"
POLICY = "camera=(self), microphone=(), geolocation=()"
"""Of this page alone: no other page of the device may ask for a camera."""


def routes(context: PageContext, cameras: Cameras) -> list[Route]:
    """Return the routes of the page, its frames and its end."""
    return [
        Route("/camera", _page(context), methods=["GET"]),
        Route(FRAME_PATH, _look(context, cameras), methods=["POST"]),
        Route(f"{FRAME_PATH}/leave", _leave(context, cameras), methods=["POST"]),
    ]


def least(context: PageContext) -> Role:
    """Return the least role that may use its own camera."""
    return Role.VIEWER if context.settings.visitors else Role.OPERATOR


def _page(context: PageContext) -> Callable[[Request], Awaitable[Response]]:
    async def page(request: Request) -> Response:
        if context.authorizer.visit(request).role < least(context):
            return to_login(request, "/camera")
        response = pages.render(context, request, "camera.html")
        response.headers["Permissions-Policy"] = POLICY
        return response

    return page


def _look(context: PageContext, cameras: Cameras) -> Callable[[Request], Awaitable[Response]]:
    async def look(request: Request) -> Response:
        visit = context.authorizer.require_ours(request, least(context))
        if request.headers.get("content-type", "") != "image/jpeg":
            raise Refused(415, "invalid", "expected image/jpeg")
        return JSONResponse(
            await cameras.look(visit.identity, context.authorizer.client(request), await request.body())
        )

    return look


def _leave(context: PageContext, cameras: Cameras) -> Callable[[Request], Awaitable[Response]]:
    async def leave(request: Request) -> Response:
        cameras.leave(context.authorizer.require_ours(request, least(context)).identity)
        return JSONResponse({})

    return leave
