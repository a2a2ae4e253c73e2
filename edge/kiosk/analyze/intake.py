"""Takes files in: announced by their first bytes, then streamed to their place, never whole in this process."""

from __future__ import annotations

import asyncio
import base64
import binascii
import re
import unicodedata
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from edge.analysis.inputs import Kind
from edge.analysis.kinds import HEAD_BYTES, Recognised, WrongType, recognise
from edge.kiosk.analyze.jobs import State
from edge.kiosk.analyze.pace import WINDOW_S, Progress
from edge.kiosk.analyze.shares import QuotaExceeded
from edge.kiosk.requests import Body, Refused
from edge.system.installation import adding

if TYPE_CHECKING:
    from starlette.requests import Request

    from edge.kiosk.analyze.jobs import Job, VisitorSession
    from edge.kiosk.analyze.pace import Pace
    from edge.kiosk.analyze.service import AnalysisService

UPLOADS, UPLOADS_PER_ADDRESS, RESERVED_UPLOADS = 8, 4, 2
"""At the same time: of all visitors together, of one address, and beyond that of operators."""


class Announcement(Body):
    """A file that will be sent: its name, its size in bytes, and its first bytes in base64."""

    name: Annotated[str, Field(max_length=1000)]
    size: Annotated[int, Field(ge=0)]
    head: Annotated[str, Field(max_length=2 * HEAD_BYTES)]


def examined(desk: AnalysisService, announced: Announcement) -> Recognised:
    """Return the kind of the file.

    Raises:
        Refused: it is too large, or of a kind that is not read.
    """
    try:
        found = recognise(base64.b64decode(announced.head, validate=True))
    except binascii.Error:
        raise Refused(422, "invalid", "head: expected base64") from None
    except WrongType as error:
        raise Refused(415, error.code, str(error)) from None
    if announced.size > desk.upload_bytes:
        megabytes = desk.upload_bytes // 1_000_000
        raise Refused(413, "too_large", f"larger than {megabytes} MB: see kiosk.upload_mb")
    if found.kind is Kind.VIDEO and not _video_can_be_read():
        raise Refused(415, "no_video", f"this device cannot read videos: {adding('video')}")
    return found


def _video_can_be_read() -> bool:
    from importlib.util import find_spec

    return find_spec("av") is not None  # imported by the worker alone


def shown_name(name: str) -> str:
    """Return a file's name fit to be shown and written into tables: no folders, no control characters."""
    last = re.split(r"[/\\]", name)[-1]
    plain = "".join(" " if unicodedata.category(letter) in {"Cc", "Cf", "Zl", "Zp"} else letter for letter in last)
    return " ".join(plain.split())[:200] or "file"


async def receive(desk: AnalysisService, room: VisitorSession, job: Job, request: Request, pace: Pace) -> None:
    """Stream the request's body to the job's place.

    Raises:
        Refused: it is not what was announced, comes too slowly, or was cancelled meanwhile.
        ClientDisconnect: the visitor has gone.
    """
    job.move(State.UPLOADING)
    received = 0
    progress = Progress()
    try:
        with job.upload.open("xb") as file:
            chunks = request.stream().__aiter__()
            while True:
                async with asyncio.timeout(WINDOW_S):
                    chunk = await anext(chunks, b"")
                if not chunk:
                    break
                received += len(chunk)
                if job.cancelled or received > job.size:
                    break
                desk.shares.arrive(room, job, received)
                file.write(chunk)
                progress.add(len(chunk))
                progress.leave_out(await pace.take(len(chunk)))
    except TimeoutError:
        raise Refused(408, "stalled", f"nothing came for {WINDOW_S:g} s") from None
    except (OSError, QuotaExceeded):
        raise Refused(507, "no_room", "the device has no room for it") from None
    _check(desk, job, received)


def _check(desk: AnalysisService, job: Job, received: int) -> None:
    if job.cancelled:
        raise Refused(410, "cancelled", "it was cancelled")
    if received != job.size:
        raise Refused(422, "incomplete", f"{received} bytes came, {job.size} were announced")
    with job.upload.open("rb") as file:
        head = file.read(HEAD_BYTES)
    found = examined(desk, Announcement(name=job.name, size=job.size, head=base64.b64encode(head).decode()))
    if found != Recognised(job.kind, job.container):
        raise Refused(422, "incomplete", "it is another file than was announced")
