"""Coming in and going out: the password or the viewers' token for a signed cookie."""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING, Annotated

from pydantic import Field
from starlette.responses import JSONResponse
from starlette.routing import Route

from edge.kiosk.access import Role
from edge.kiosk.passwords import LONGEST
from edge.kiosk.proxy import prefix_of
from edge.kiosk.requests import Body, Refused, read, require_ours

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request
    from starlette.responses import Response

    from edge.kiosk.access import Visit
    from edge.kiosk.app import Kiosk


class _Password(Body):
    password: Annotated[str, Field(min_length=1, max_length=LONGEST)]


def routes(kiosk: Kiosk) -> list[Route]:
    """Who one is, login and logout."""
    return [
        Route("/api/visit", _who(kiosk), methods=["GET"]),
        Route("/api/login", _login(kiosk), methods=["POST"]),
        Route("/api/logout", _logout(kiosk), methods=["POST"]),
    ]


def set_cookie(kiosk: Kiosk, request: Request, response: Response, value: str) -> None:
    """Let the browser keep ``value``: out of scripts' reach, never sent by other sites' requests."""
    prefix = prefix_of(request)
    response.set_cookie(
        kiosk.access.cookie_below(prefix),
        value,
        max_age=kiosk.access.lifetime_s,
        path=kiosk.access.cookie_path(prefix),
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
    )


def _who(kiosk: Kiosk) -> Callable[[Request], Awaitable[Response]]:
    async def who(request: Request) -> Response:
        visit = kiosk.visit(request)
        response = JSONResponse(_describe(kiosk, visit))
        if visit.fresh:
            set_cookie(kiosk, request, response, kiosk.access.sign(visit))
        return response

    return who


def _describe(kiosk: Kiosk, visit: Visit) -> dict[str, object]:
    return {
        "role": visit.role.name.lower(),
        "csrf": kiosk.access.csrf_token(visit),
        "login": kiosk.access.asks,
        "consent": None if kiosk.consent.now is None else kiosk.consent.now.context,
        "picture": kiosk.tap is not None and visit.role is Role.OPERATOR,
    }


def _login(kiosk: Kiosk) -> Callable[[Request], Awaitable[Response]]:
    async def login(request: Request) -> Response:
        before = require_ours(kiosk, request, Role.NOBODY)
        password = (await read(request, _Password)).password
        role = await _try(kiosk, request.client.host if request.client else "", password)
        kiosk.access.revoke(before)
        visit, value = kiosk.access.new(role)
        response = JSONResponse(_describe(kiosk, visit))
        set_cookie(kiosk, request, response, value)
        return response

    return login


async def _try(kiosk: Kiosk, address: str, password: str) -> Role:
    wait_s = kiosk.throttle.wait_s(address)
    if wait_s > 0:
        refusal = Refused(429, "throttled", f"too many attempts: try again in {math.ceil(wait_s)} s")
        refusal.answer.headers["Retry-After"] = str(math.ceil(wait_s))
        raise refusal
    kiosk.throttle.begin(address)
    if kiosk.verifying is None:
        kiosk.verifying = asyncio.Semaphore(1)
    # one at a time: the hash takes memory and time by design, and the loop next door needs both
    async with kiosk.verifying:
        role = await asyncio.to_thread(kiosk.access.role_for, password)
    if role is Role.NOBODY:
        raise Refused(403, "wrong_password", "that is not the password")
    kiosk.throttle.succeeded(address)
    return role


def _logout(kiosk: Kiosk) -> Callable[[Request], Awaitable[Response]]:
    async def logout(request: Request) -> Response:
        kiosk.access.revoke(require_ours(kiosk, request, Role.NOBODY))
        response = JSONResponse({})
        prefix = prefix_of(request)
        response.delete_cookie(
            kiosk.access.cookie_below(prefix),
            path=kiosk.access.cookie_path(prefix),
            httponly=True,
            samesite="strict",
            secure=request.url.scheme == "https",
        )
        return response

    return logout
