"""What handlers ask of a request before they act: the right, the origin, the token, a body that makes sense."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlencode, urlsplit

from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse

from edge.core.errors import HardwareUnavailable
from edge.kiosk.addresses import own_addresses
from edge.kiosk.proxy import is_proxied, root_of

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from edge.kiosk.access import Role, Visit
    from edge.kiosk.app import Kiosk

CSRF_HEADER = "x-csrf-token"
_SHOWN = 100
"""Characters of a stranger's header that an answer repeats."""


class Body(BaseModel):
    """A request's JSON; unknown fields are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


B = TypeVar("B", bound=Body)


class Refused(Exception):
    """Why nothing is done: a status, a code that the page has words for, and words for people without one."""

    def __init__(self, status: int, code: str, why: str) -> None:
        super().__init__(why)
        self.answer = JSONResponse({"error": code, "detail": why}, status_code=status)


def busy(code: str, why: str, *, retry_s: int, status: int = 503) -> Refused:
    """Return the refusal of what may be asked for again in ``retry_s`` seconds."""
    refusal = Refused(status, code, why)
    refusal.answer.headers["Retry-After"] = str(retry_s)
    return refusal


def require(kiosk: Kiosk, request: Request, role: Role) -> Visit:
    """Who asks, where they have the right.

    Raises:
        Refused: they have not.
    """
    visit = kiosk.visit(request)
    if visit.role < role:
        raise Refused(403 if visit.role else 401, "forbidden", f"this asks for the right of a {role.name.lower()}")
    return visit


def require_ours(kiosk: Kiosk, request: Request, role: Role) -> Visit:
    """The same, for requests that change something: they must come from a page of ours.

    Raises:
        Refused: another site may stand behind it.
    """
    visit = kiosk.visit(request)
    if not (_same_site(request) and kiosk.access.csrf_holds(visit, request.headers.get(CSRF_HEADER, ""))):
        raise Refused(403, "forged", "the request does not come from a page of this device: load it again")
    if not _same_origin(kiosk, request):
        origin, host = request.headers["origin"], request.headers.get("host", "")
        raise Refused(
            403,
            "forged" if not is_proxied(request) else "proxy",
            f"the request comes from a page of {origin[:_SHOWN]}, but was sent to {host[:_SHOWN]}: behind a reverse "
            "proxy name the page's address in kiosk.public_url, or let the proxy pass Host on",
        )
    return require(kiosk, request, role)


def to_login(request: Request, following: str) -> Response:
    """Send a browser to the login, and from there to the page ``following``."""
    return RedirectResponse(f"{root_of(request)}login?{urlencode({'next': following})}", status_code=303)


def _same_site(request: Request) -> bool:
    return request.headers.get("sec-fetch-site", "same-origin") == "same-origin"


def _same_origin(kiosk: Kiosk, request: Request) -> bool:
    """Compare ``Origin`` with ``Host``, as far as a proxy leaves that as the browser sent it.

    Many pass on the name without its port, or their own name for the device. The token and the cookie, which no other
    site has, are what forged requests fail at.
    """
    origin, host = request.headers.get("origin"), request.headers.get("host", "")
    if origin is None:
        return True
    try:
        asked, sent = urlsplit(origin), urlsplit(f"//{host}")
        same_name = asked.hostname is not None and asked.hostname == sent.hostname
        without_port = sent.port is None
    except ValueError:
        return False
    if asked.netloc == host or (same_name and without_port):
        return True
    if not is_proxied(request):
        return False
    if same_name or "sec-fetch-site" in request.headers:  # by then it says "same-origin", which no script can
        return True
    return asked.hostname in kiosk.names or asked.hostname in _addresses()


def _addresses() -> tuple[str, ...]:
    try:
        return own_addresses()
    except HardwareUnavailable:
        return ()


async def read(request: Request, kind: type[B]) -> B:
    """The body as ``kind``.

    Raises:
        Refused: it is no JSON of that form.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise Refused(415, "invalid", "expected application/json")
    try:
        return kind.model_validate_json(await request.body())
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise Refused(422, "invalid", f"{where}: {first['msg']}" if where else first["msg"]) from None


async def too_large(_request: Request, error: Exception) -> Response:
    """The answer to a body beyond its bound."""
    return JSONResponse({"error": "too_large", "detail": str(error)}, status_code=413)


async def gone(_request: Request, _error: Exception) -> Response:
    """Return what stands for the answer to a client that went in the middle of its request: nobody reads it."""
    return PlainTextResponse(status_code=400)


async def not_found(request: Request, error: Exception) -> Response:
    """The answer where there is no page; an address with a slash too many leads to the one without."""
    path = str(request.scope["path"])
    if request.method in {"GET", "HEAD"} and path.endswith("/") and path.strip("/"):
        query = f"?{request.url.query}" if request.url.query else ""
        return RedirectResponse(f"../{path.rstrip('/').rpartition('/')[2]}{query}", 307)
    detail = error.detail if isinstance(error, HTTPException) else "Not Found"
    return PlainTextResponse(detail, 404)


async def refused(_request: Request, error: Exception) -> Response:
    """The answer to what :class:`Refused` stands for."""
    if not isinstance(error, Refused):
        raise HTTPException(500)
    return error.answer
