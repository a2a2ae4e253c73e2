"""Whose turn is next (pure): pictures come before videos, and among them visitors take turns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge.analysis.inputs import Kind
from edge.kiosk.analyze.jobs import Job, State

if TYPE_CHECKING:
    from collections.abc import Iterable

    from edge.kiosk.analyze.jobs import VisitorSession


def in_order(rooms: Iterable[VisitorSession]) -> list[tuple[VisitorSession, Job]]:
    """All that wait, the next one first: of the visitors with something to read, the one served longest ago.

    Pictures take moments and videos minutes, so that nobody with a picture should wait for a video.
    """
    everyone = list(rooms)
    turns = {room: room.served for room in everyone}
    return [turn for kind in (Kind.PICTURE, Kind.VIDEO) for turn in _turns(everyone, kind, turns)]


def _turns(
    rooms: list[VisitorSession], kind: Kind, turns: dict[VisitorSession, int]
) -> list[tuple[VisitorSession, Job]]:
    waiting = {room: _own(room, kind) for room in rooms}
    clock = max(turns.values(), default=0)
    found: list[tuple[VisitorSession, Job]] = []
    while left := [room for room, jobs in waiting.items() if jobs]:
        room = min(left, key=turns.__getitem__)  # the first to come where two were served alike
        found.append((room, waiting[room].pop(0)))
        clock += 1
        turns[room] = clock
    return found


def _own(room: VisitorSession, kind: Kind) -> list[Job]:
    jobs = [job for job in room.jobs.values() if job.state is State.WAITING and job.kind is kind]
    return sorted(jobs, key=lambda job: job.since_s)
