"""Whose turn is next (pure): visitors take turns, and each one's pictures come before their videos."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge.analysis.inputs import Kind
from edge.kiosk.analyze.jobs import Job, State

if TYPE_CHECKING:
    from collections.abc import Iterable

    from edge.kiosk.analyze.jobs import Room


def in_order(rooms: Iterable[Room]) -> list[tuple[Room, Job]]:
    """All that wait, the next one first: of the visitors with something to read, the one served longest ago."""
    waiting = {room: _own_order(room) for room in rooms}
    turns = {room: room.served for room in waiting}
    clock = max(turns.values(), default=0)
    found: list[tuple[Room, Job]] = []
    while left := [room for room, jobs in waiting.items() if jobs]:
        room = min(left, key=turns.__getitem__)  # the first to come where two were served alike
        found.append((room, waiting[room].pop(0)))
        clock += 1
        turns[room] = clock
    return found


def _own_order(room: Room) -> list[Job]:
    jobs = [job for job in room.jobs.values() if job.state is State.WAITING]
    return sorted(jobs, key=lambda job: (job.kind is Kind.VIDEO, job.since_s))
