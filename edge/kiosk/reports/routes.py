"""Addresses of kept sessions: pages, reports, data, deletion."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated

from pydantic import Field
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from edge.kiosk.guard import POLICY
from edge.kiosk.pages import view
from edge.kiosk.requests import Body, Refused, read
from edge.kiosk.roles import Role
from edge.reports.compare import COMPARED_MAX
from edge.reports.export import FORMATS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request

    from edge.kiosk.context import PageContext
    from edge.kiosk.reports.archive import Archive

    Handler = Callable[[Request], Awaitable[Response]]

PAGE = 20
"""Sessions in one piece of the list."""
_ULID = r"[0-7][0-9A-HJKMNP-TV-Z]{25}"
_MEDIA_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "json": "application/json",
    "parquet": "application/vnd.apache.parquet",
}
_OWN_POLICY = re.compile(r'http-equiv="Content-Security-Policy" content="([^"]*)"')
_FRAMING_POLICY = POLICY.replace("default-src 'none';", "default-src 'none'; frame-src 'self';")


class _Ids(Body):
    ids: Annotated[
        tuple[Annotated[str, Field(pattern=f"^{_ULID}$")], ...],
        Field(min_length=1, max_length=100),
    ]


def routes(context: PageContext, archive: Archive) -> list[Route]:
    """Everything about sessions that are kept."""
    return [
        Route("/sessions", view(context, "sessions.html", Role.OPERATOR), methods=["GET"]),
        Route("/sessions/view", _framing(view(context, "session.html", Role.OPERATOR)), methods=["GET"]),
        Route("/sessions/report", _report(context, archive), methods=["GET"]),
        Route("/sessions/data/{form}", _data(context, archive), methods=["GET"]),
        Route("/api/sessions", _list(context, archive), methods=["GET"]),
        Route("/api/sessions/report", _progress(context, archive), methods=["GET"]),
        Route("/api/sessions/delete", _delete(context, archive), methods=["POST"]),
    ]


def _framing(page: Handler) -> Handler:
    """``page`` may show a frame with a page of this device."""

    async def framing(request: Request) -> Response:
        answer = await page(request)
        answer.headers["Content-Security-Policy"] = _FRAMING_POLICY
        return answer

    return framing


def _list(context: PageContext, archive: Archive) -> Handler:
    async def listed(request: Request) -> Response:
        context.authorizer.require(request, Role.OPERATOR)
        before = request.query_params.get("before")
        if before is not None and not re.fullmatch(r"\d{1,7}", before, re.ASCII):
            raise Refused(422, "invalid", "before: expected a session's number")
        number = None if before is None else int(before)
        return JSONResponse(await archive.catalog.newest(before=number, limit=PAGE))

    return listed


def _progress(context: PageContext, archive: Archive) -> Handler:
    """Return whether a report is ready; otherwise start it and report its progress, 0 to 1."""

    async def progress(request: Request) -> Response:
        context.authorizer.require(request, Role.OPERATOR)
        ids = _ids(request, COMPARED_MAX)
        if await archive.at_hand(ids) is not None:
            return JSONResponse({"ready": True, "progress": 1.0, "ahead": 0})
        job = archive.job(ids) or archive.begin(ids)
        if job.task.done():
            await job.task  # which says why it could not be drawn
        return JSONResponse({"ready": False, "progress": job.progress, "ahead": archive.ahead(job)})

    return progress


def _report(context: PageContext, archive: Archive) -> Handler:
    async def report(request: Request) -> Response:
        context.authorizer.require(request, Role.OPERATOR)
        drawn = await archive.draw(_ids(request, COMPARED_MAX))
        found = _OWN_POLICY.search(drawn.body[:4000].decode(errors="replace"))
        own = "default-src 'none'" if found is None else found[1]
        headers = {
            "Content-Security-Policy": f"{own}; frame-ancestors 'self'",
            "X-Frame-Options": "SAMEORIGIN",
        }
        if "save" in request.query_params:
            headers |= _attachment(drawn.head["name"])
        return Response(drawn.body, media_type="text/html", headers=headers)

    return report


def _data(context: PageContext, archive: Archive) -> Handler:
    async def data(request: Request) -> Response:
        context.authorizer.require(request, Role.OPERATOR)
        form = request.path_params["form"]
        if form not in FORMATS:
            raise Refused(404, "gone", f"data come as {', '.join(FORMATS)}")
        found = await archive.export(_ids(request, 1)[0], form)
        return Response(found.body, media_type=_MEDIA_TYPES[form], headers=_attachment(found.head["name"]))

    return data


def _delete(context: PageContext, archive: Archive) -> Handler:
    async def delete(request: Request) -> Response:
        context.authorizer.require_ours(request, Role.OPERATOR)
        ids = (await read(request, _Ids)).ids
        await archive.delete(ids)
        return JSONResponse({"deleted": list(ids)})

    return delete


def _ids(request: Request, most: int) -> list[str]:
    """Return the ids that the address names, each once, in their order."""
    found = list(dict.fromkeys(filter(None, request.query_params.get("ids", "").split(","))))
    if not 1 <= len(found) <= most or not all(re.fullmatch(_ULID, identity) for identity in found):
        raise Refused(422, "invalid", f"ids: expected 1 to {most} ids of sessions, separated by commas")
    return found


def _attachment(name: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{name}"'}
