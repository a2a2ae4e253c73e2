"""Login and logout: the password or the viewers' token for a signed cookie."""

from __future__ import annotations

import asyncio
import math
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated

from pydantic import Field
from starlette.responses import JSONResponse
from starlette.routing import Route

from edge.core.errors import InputError
from edge.kiosk.access import Role
from edge.kiosk.browsers import LIFETIME_S
from edge.kiosk.passwords import LONGEST
from edge.kiosk.paths import is_local
from edge.kiosk.proxy import prefix_of
from edge.kiosk.requests import Body, Refused, read, require_ours

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request
    from starlette.responses import Response

    from edge.kiosk.access import Visit
    from edge.kiosk.app import Kiosk
    from edge.kiosk.attempts import Caller


class _Password(Body):
    password: Annotated[str, Field(min_length=1, max_length=LONGEST)]


def routes(kiosk: Kiosk) -> list[Route]:
    """Who one is, login and logout."""
    return [
        Route("/api/visit", _who(kiosk), methods=["GET"]),
        Route("/api/login", _login(kiosk), methods=["POST"]),
        Route("/api/logout", _logout(kiosk), methods=["POST"]),
        Route("/api/logout/all", _logout_all(kiosk), methods=["POST"]),
    ]


def set_cookie(kiosk: Kiosk, request: Request, response: Response, value: str) -> None:
    """Let the browser keep ``value``: out of scripts' reach, never sent by other sites' requests."""
    _keep(kiosk, request, response, {kiosk.access.cookie_below(prefix_of(request)): (value, kiosk.access.lifetime_s)})


def _keep(kiosk: Kiosk, request: Request, response: Response, cookies: dict[str, tuple[str, int]]) -> None:
    for name, (value, max_age) in cookies.items():
        response.set_cookie(
            name,
            value,
            max_age=max_age,
            path=kiosk.access.cookie_path(prefix_of(request)),
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
        name = f"{kiosk.access.cookie_below(prefix_of(request))}_known"
        known = kiosk.browsers.read(request.cookies.get(name))
        address = request.client.host if request.client else ""
        role = await _try(
            kiosk, kiosk.throttle.caller(address, is_local=is_local(request.scope), device=known), password
        )
        if kiosk.leave(before):
            with suppress(InputError):  # logged there, and tried again; the login itself is good
                await asyncio.to_thread(kiosk.access.revocations.save)
        visit, value = kiosk.access.new(role)
        response = JSONResponse(_describe(kiosk, visit))
        set_cookie(kiosk, request, response, value)
        _keep(kiosk, request, response, {name: (kiosk.browsers.sign(known, role), LIFETIME_S)})
        return response

    return login


async def _try(kiosk: Kiosk, caller: Caller, password: str) -> Role:
    wait_s = 1 if kiosk.verifier.is_busy_for(caller) else math.ceil(kiosk.throttle.wait_s(caller))
    if wait_s > 0:
        refusal = Refused(429, "throttled", f"too many attempts: try again in {wait_s} s")
        refusal.answer.headers["Retry-After"] = str(wait_s)
        raise refusal
    attempt = kiosk.throttle.begin(caller)
    role = await kiosk.verifier.role_for(password, caller)
    if role is Role.NOBODY:
        raise Refused(403, "wrong_password", "that is not the password")
    kiosk.throttle.succeeded(attempt, role)
    return role


def _logout(kiosk: Kiosk) -> Callable[[Request], Awaitable[Response]]:
    async def logout(request: Request) -> Response:
        if kiosk.leave(require_ours(kiosk, request, Role.NOBODY)):
            await _save(kiosk)
        return _without_cookie(kiosk, request)

    return logout


def _logout_all(kiosk: Kiosk) -> Callable[[Request], Awaitable[Response]]:
    async def logout_all(request: Request) -> Response:
        kiosk.leave(require_ours(kiosk, request, Role.OPERATOR))
        kiosk.access.revocations.revoke_all()
        await _save(kiosk)
        return _without_cookie(kiosk, request)

    return logout_all


async def _save(kiosk: Kiosk) -> None:
    try:
        await asyncio.to_thread(kiosk.access.revocations.save)
    except InputError as error:
        raise Refused(507, "not_for_good", str(error)) from None


def _without_cookie(kiosk: Kiosk, request: Request) -> Response:
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
