"""Read the bodies of requests, and answer those that are refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlencode

from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse

from edge.kiosk.proxy import root_of

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response


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


def to_login(request: Request, following: str) -> Response:
    """Send a browser to the login, and from there to the page ``following``."""
    return RedirectResponse(f"{root_of(request)}login?{urlencode({'next': following})}", status_code=303)


async def read(request: Request, kind: type[B]) -> B:
    """Parse the body as ``kind``.

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
    """Return the answer to a body beyond its limit."""
    return JSONResponse({"error": "too_large", "detail": str(error)}, status_code=413)


async def gone(_request: Request, _error: Exception) -> Response:
    """Return what stands for the answer to a client that went in the middle of its request: nobody reads it."""
    return PlainTextResponse(status_code=400)


async def not_found(request: Request, error: Exception) -> Response:
    """Answer an unknown path; redirect one with a trailing slash to the path without it."""
    path = str(request.scope["path"])
    if request.method in {"GET", "HEAD"} and path.endswith("/") and path.strip("/"):
        query = f"?{request.url.query}" if request.url.query else ""
        return RedirectResponse(f"../{path.rstrip('/').rpartition('/')[2]}{query}", 307)
    detail = error.detail if isinstance(error, HTTPException) else "Not Found"
    return PlainTextResponse(detail, 404)


async def refused(_request: Request, error: Exception) -> Response:
    """Return the answer to a :class:`Refused` request."""
    if not isinstance(error, Refused):
        raise HTTPException(500)
    return error.answer
