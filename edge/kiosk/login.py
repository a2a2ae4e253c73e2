"""Addresses of login and logout: the password or the viewers' token for a signed cookie."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Annotated

from pydantic import Field
from starlette.responses import JSONResponse
from starlette.routing import Route

from edge.core.errors import InputError
from edge.kiosk.browsers import LIFETIME_S
from edge.kiosk.passwords import LONGEST
from edge.kiosk.paths import is_local
from edge.kiosk.proxy import prefix_of
from edge.kiosk.requests import Body, Refused, read
from edge.kiosk.roles import Role

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request
    from starlette.responses import Response

    from edge.kiosk.access import Access
    from edge.kiosk.context import PageContext
    from edge.kiosk.login_service import LoginService
    from edge.kiosk.roles import Visit


class _Password(Body):
    password: Annotated[str, Field(min_length=1, max_length=LONGEST)]


def routes(context: PageContext, logins: LoginService) -> list[Route]:
    """Return the routes of the visit, login and logout."""
    return [
        Route("/api/visit", _who(context), methods=["GET"]),
        Route("/api/login", _login(context, logins), methods=["POST"]),
        Route("/api/logout", _logout(context, logins), methods=["POST"]),
        Route("/api/logout/all", _logout_all(context, logins), methods=["POST"]),
    ]


def _set_cookie(access: Access, request: Request, response: Response, value: str) -> None:
    """Let the browser keep ``value``: out of scripts' reach, never sent by other sites' requests."""
    _keep(access, request, response, {access.cookie_below(prefix_of(request)): (value, access.lifetime_s)})


def _keep(access: Access, request: Request, response: Response, cookies: dict[str, tuple[str, int]]) -> None:
    for name, (value, max_age) in cookies.items():
        response.set_cookie(
            name,
            value,
            max_age=max_age,
            path=access.cookie_path(prefix_of(request)),
            httponly=True,
            samesite="strict",
            secure=request.url.scheme == "https",
        )


def _who(context: PageContext) -> Callable[[Request], Awaitable[Response]]:
    access = context.authorizer.access

    async def who(request: Request) -> Response:
        visit = context.authorizer.visit(request)
        response = JSONResponse(_describe(context, visit))
        if visit.fresh:
            _set_cookie(access, request, response, access.sign(visit))
        return response

    return who


def _describe(context: PageContext, visit: Visit) -> dict[str, object]:
    access = context.authorizer.access
    return {
        "role": visit.role.name.lower(),
        "csrf": access.csrf_token(visit),
        "login": access.asks,
        "consent": None if context.consent.now is None else context.consent.now.context,
        "picture": context.tap is not None and visit.role is Role.OPERATOR,
    }


def _login(context: PageContext, logins: LoginService) -> Callable[[Request], Awaitable[Response]]:
    access = context.authorizer.access

    async def login(request: Request) -> Response:
        before = context.authorizer.require_ours(request, Role.NOBODY)
        password = (await read(request, _Password)).password
        name = f"{access.cookie_below(prefix_of(request))}_known"
        known = logins.browsers.read(request.cookies.get(name))
        address = request.client.host if request.client else ""
        caller = logins.throttle.caller(address, is_local=is_local(request.scope), device=known)
        role = await logins.role_for(password, caller)
        if logins.leave(before):
            with suppress(InputError):  # logged there, and tried again; the login itself is good
                await logins.save()
        visit, value = access.new(role)
        response = JSONResponse(_describe(context, visit))
        _set_cookie(access, request, response, value)
        _keep(access, request, response, {name: (logins.browsers.sign(known, role), LIFETIME_S)})
        return response

    return login


def _logout(context: PageContext, logins: LoginService) -> Callable[[Request], Awaitable[Response]]:
    async def logout(request: Request) -> Response:
        if logins.leave(context.authorizer.require_ours(request, Role.NOBODY)):
            await _save(logins)
        return _without_cookie(context.authorizer.access, request)

    return logout


def _logout_all(context: PageContext, logins: LoginService) -> Callable[[Request], Awaitable[Response]]:
    async def logout_all(request: Request) -> Response:
        logins.leave_all(context.authorizer.require_ours(request, Role.OPERATOR))
        await _save(logins)
        return _without_cookie(context.authorizer.access, request)

    return logout_all


async def _save(logins: LoginService) -> None:
    try:
        await logins.save()
    except InputError as error:
        raise Refused(507, "not_for_good", str(error)) from None


def _without_cookie(access: Access, request: Request) -> Response:
    response = JSONResponse({})
    prefix = prefix_of(request)
    response.delete_cookie(
        access.cookie_below(prefix),
        path=access.cookie_path(prefix),
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
    )
    return response
