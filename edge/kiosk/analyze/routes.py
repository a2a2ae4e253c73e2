"""HTTP of the analyze page. A visitor reaches only what lies in their own room, which their cookie names."""

from __future__ import annotations

import asyncio
import json
import math
from typing import TYPE_CHECKING, Annotated

from pydantic import Field
from starlette.requests import ClientDisconnect
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from edge import __version__
from edge.kiosk.analyze.answers import Paced, Presence
from edge.kiosk.analyze.handler import COPY, PREVIEW, RESULT, ROWS
from edge.kiosk.analyze.intake import (
    RESERVED_UPLOADS,
    UPLOADS,
    UPLOADS_PER_ADDRESS,
    Announcement,
    examined,
    receive,
    shown_name,
)
from edge.kiosk.analyze.jobs import State
from edge.kiosk.analyze.pace import Pace
from edge.kiosk.analyze.shares import MOST_ROOMS, ON_THE_WAY, QuotaExceeded
from edge.kiosk.guard import POLICY
from edge.kiosk.pages import render
from edge.kiosk.paths import Full, Places
from edge.kiosk.requests import Body, Refused, busy, read, to_login
from edge.kiosk.stream import Held, Stream
from edge.kiosk.throttle import Throttle

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from starlette.requests import Request
    from starlette.routing import BaseRoute

    from edge.kiosk.analyze.jobs import Job, VisitorSession
    from edge.kiosk.analyze.service import AnalysisService
    from edge.kiosk.context import PageContext
    from edge.kiosk.roles import Visit

    Handler = Callable[[Request], Awaitable[Response]]

UPLOAD_PREFIX = "/api/analyze/files/"
_RESULTS = {
    PREVIEW: "image/jpeg",
    COPY: "video/mp4",
    ROWS: "text/csv; charset=utf-8",
    RESULT: "application/json",
}
_ENDINGS = {PREVIEW: ".jpg", COPY: "-faces.mp4", ROWS: ".csv", RESULT: ".json"}
_TAB_MAX = 64
_TABS = 16
"""Pages of one visitor."""
_RESERVED_STREAMS = 8


class _Leave(Body):
    tab: Annotated[str, Field(max_length=_TAB_MAX)]


def routes(context: PageContext, service: AnalysisService) -> list[BaseRoute]:
    """Return the routes of the page and of everything under ``/api/analyze``."""
    pages = _Pages(context, service)
    return [
        Route("/analyze", pages.page, methods=["GET"]),
        Route("/api/analyze/live", pages.live, methods=["GET"]),
        Route("/api/analyze/leave", pages.leave, methods=["POST"]),
        Route("/api/analyze/faces.csv", pages.all_rows, methods=["GET"]),
        Route("/api/analyze/files", pages.announce, methods=["POST"]),
        Route("/api/analyze/files/{id}", pages.upload, methods=["PUT"]),
        Route("/api/analyze/files/{id}", pages.remove, methods=["DELETE"]),
        Route("/api/analyze/files/{id}/{name}", pages.result, methods=["GET"]),
    ]


class _Pages:
    """State that the handlers share."""

    def __init__(self, context: PageContext, service: AnalysisService) -> None:
        self._context = context
        self._authorizer = context.authorizer
        self._service = service
        self._pace = Pace()
        self._throttle = Throttle(per_address=300, overall=1000)
        self._uploads = Places(UPLOADS, per_address=UPLOADS_PER_ADDRESS, reserved=RESERVED_UPLOADS)
        self._streams = Places(2 * MOST_ROOMS, per_address=MOST_ROOMS, reserved=_RESERVED_STREAMS)

    async def page(self, request: Request) -> Response:
        """Serve the page; only its policy allows media of this device."""
        if self._authorizer.visit(request).role < self._service.role:
            return to_login(request, "/analyze")
        response = render(self._context, request, "analyze.html")
        response.headers["Content-Security-Policy"] = f"{POLICY}; media-src 'self'"
        return response

    async def live(self, request: Request) -> Response:
        """Stream the state of the visitor's files while the page is open."""
        visit = self._authorizer.require(request, self._service.role)
        tab = request.query_params.get("tab", "")
        if visit.fresh or not 0 < len(tab) <= _TAB_MAX:
            raise Refused(403, "forged", "this is asked for by the page alone")
        room = self._enter(visit, request)
        client = self._authorizer.client(request)
        try:
            self._streams.check(client)
        except Full:
            raise _too_many_pages() from None
        if len(room.tabs) >= _TABS and tab not in room.tabs:
            raise _too_many_pages()
        self._service.publish(room)
        service = self._service
        greeting = {
            "version": __version__,
            "upload_bytes": service.upload_bytes,
            "video_s": service.reader.max_s,
            "in_memory": service.store.in_memory,
        }
        stream = Stream(
            room.board,
            room.bell,
            {"files", "gone"},
            greeting=json.dumps(greeting),
            may_go_on=lambda: self._authorizer.access.holds(visit),
        )
        return Held(self._streams, client, stream, Presence(room, tab, stream))

    async def leave(self, request: Request) -> Response:
        """Close a page; with a visitor's last page, everything of theirs is deleted."""
        room = self._own_room(self._authorizer.require_ours(request, self._service.role))
        room.tabs.discard((await read(request, _Leave)).tab)
        if not room.tabs:
            self._service.forget(room)
        return JSONResponse({})

    async def announce(self, request: Request) -> Response:
        """Say what will be sent; all refusals come here, before anything large is on its way."""
        visit = self._authorizer.require_ours(request, self._service.role)
        self._hold_back(request)
        announced = await read(request, Announcement)
        found = examined(self._service, announced)
        try:
            job = self._service.announce(self._enter(visit, request), shown_name(announced.name), announced.size, found)
        except (QuotaExceeded, OSError) as error:
            code = error.code if isinstance(error, QuotaExceeded) else "no_room"
            if code == ON_THE_WAY:
                refusal = busy("busy", "as many files are announced as may be at the moment", retry_s=5)
                raise refusal from None
            raise Refused(507, code, "the device has no room for it at the moment") from None
        return JSONResponse({"id": job.id, "name": job.name, "kind": job.kind.value}, status_code=201)

    async def upload(self, request: Request) -> Response:
        """Take the file itself."""
        room, job = self._own(request, self._authorizer.require_ours(request, self._service.role))
        if job.state is not State.ANNOUNCED:
            raise Refused(409, "twice", "it is here already")
        try:
            with self._uploads.take(self._authorizer.client(request)):
                request.state.keep = True  # slow as it may be, its connection makes no room for others
                await receive(self._service, room, job, request, self._pace)
        except Full as full:
            job.move(State.ANNOUNCED)  # who asks again keeps the announcement
            why = "others are sending" if not full.of_address else "others are sending from your address"
            refusal = busy("busy", f"{why} at the moment", retry_s=5)
            raise refusal from None
        except (Refused, ClientDisconnect, asyncio.CancelledError):
            self._service.remove(room, job)
            raise
        self._service.received(job)
        return JSONResponse({})

    async def remove(self, request: Request) -> Response:
        """Cancel a file, or delete what came of it."""
        room, job = self._own(request, self._authorizer.require_ours(request, self._service.role))
        self._service.remove(room, job)
        return JSONResponse({})

    async def result(self, request: Request) -> Response:
        """Serve the result for a file; videos in ranges."""
        _, job = self._own(request, self._authorizer.require(request, self._service.role))
        name = request.path_params["name"]
        path = job.folder / name
        if job.state is not State.DONE or name not in _RESULTS or not path.is_file():
            raise Refused(404, "gone", "there is no such result")
        request.state.played = True
        stem = job.name.rpartition(".")[0] or job.name
        wanted = f"{stem}{_ENDINGS[name]}" if "download" in request.query_params else None
        return Paced(self._pace, FileResponse(path, media_type=_RESULTS[name], filename=wanted))

    async def all_rows(self, request: Request) -> Response:
        """All results of the visitor in one table."""
        room = self._own_room(self._authorizer.require(request, self._service.role))
        paths = [job.folder / ROWS for job in room.jobs.values() if job.state is State.DONE]

        def lines() -> Iterator[bytes]:
            for index, path in enumerate(paths):
                with path.open("rb") as file:
                    header = next(file, b"")
                    yield header if index == 0 else b""
                    yield from file

        headers = {"Content-Disposition": 'attachment; filename="faces.csv"'}
        return StreamingResponse(lines(), media_type=_RESULTS[ROWS], headers=headers)

    def _enter(self, visit: Visit, request: Request) -> VisitorSession:
        try:
            return self._service.enter(visit.identity, self._authorizer.client(request))
        except QuotaExceeded as error:
            refusal = Refused(503, error.code, "as many visitors are here as may be: try again later")
            refusal.answer.headers["Retry-After"] = "10"
            raise refusal from None

    def _own_room(self, visit: Visit) -> VisitorSession:
        room = self._service.rooms.get(visit.identity)
        if room is None:
            raise Refused(404, "gone", "nothing of yours is here any more")
        room.touch()
        return room

    def _own(self, request: Request, visit: Visit) -> tuple[VisitorSession, Job]:
        room = self._own_room(visit)
        job = room.jobs.get(request.path_params["id"])
        if job is None:
            raise Refused(404, "gone", "there is no such file of yours")
        return room, job

    def _hold_back(self, request: Request) -> None:
        address = request.client.host if request.client else ""
        wait_s = self._throttle.wait_s(address)
        if wait_s > 0:
            refusal = Refused(429, "throttled", f"too many files at once: try again in {math.ceil(wait_s)} s")
            refusal.answer.headers["Retry-After"] = str(math.ceil(wait_s))
            raise refusal
        self._throttle.begin(address)


def _too_many_pages() -> Refused:
    return busy("full", "as many pages are open as may be: try again later", retry_s=10)
