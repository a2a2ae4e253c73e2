"""What handlers ask of a request before they act: the right, the origin, the token, a body that makes sense."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from edge.kiosk.access import Role, Visit
    from edge.kiosk.app import Kiosk

CSRF_HEADER = "x-csrf-token"


class Body(BaseModel):
    """A request's JSON; unknown fields are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


B = TypeVar("B", bound=Body)


class Refused(Exception):
    """Why nothing is done: a status, a code that the page has words for, and words for people without one."""

    def __init__(self, status: int, code: str, why: str) -> None:
        super().__init__(why)
        self.answer = JSONResponse({"error": code, "detail": why}, status_code=status)


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
    if not (_same_origin(request) and kiosk.access.csrf_holds(visit, request.headers.get(CSRF_HEADER, ""))):
        raise Refused(403, "forged", "the request does not come from a page of this device: load it again")
    return require(kiosk, request, role)


def _same_origin(request: Request) -> bool:
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != request.headers.get("host"):
        return False
    return request.headers.get("sec-fetch-site", "same-origin") == "same-origin"


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


async def refused(_request: Request, error: Exception) -> Response:
    """The answer to what :class:`Refused` stands for."""
    if not isinstance(error, Refused):
        raise HTTPException(500)
    return error.answer
