"""Quotas for visitors: sessions and bytes by address, with a reserve for operators."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge.kiosk.analyze.jobs import State

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge.kiosk.analyze.jobs import Job, VisitorSession
    from edge.kiosk.paths import Client

MOST_ROOMS, RESERVED_ROOMS = 32, 4
"""Visitors at the same time, half of them from one address, and more for operators."""
ADDRESS_SHARE, OPERATORS_SHARE = 0.5, 0.25
"""Of the store: what one address may take where it sends more than one file, and what is kept for operators.

The store takes four files of the largest size, so that operators always have room for one.
"""
ANNOUNCED, ANNOUNCED_PER_ADDRESS, RESERVED_ANNOUNCED = 64, 16, 16
"""Files that were announced and have not come whole: of all visitors, of one address, and beyond that of operators."""

ON_THE_WAY = "on_the_way"
"""The code of that bound; it is free again soon."""


class QuotaExceeded(Exception):
    """A bound is reached; ``code`` says which."""

    def __init__(self, *, code: str) -> None:
        super().__init__(code)
        self.code = code


class Shares:
    """Bounds on the ``rooms`` and on the bytes that their files take of ``budget``.

    ``local_only``: nobody beyond this machine comes in, so that no share is kept from its own programs.
    """

    def __init__(self, budget: Callable[[], int], rooms: dict[str, VisitorSession], *, local_only: bool) -> None:
        self._budget = budget
        self._rooms = rooms
        self._local_only = local_only

    @property
    def free(self) -> int:
        """Bytes that are not taken."""
        return self._budget() - sum(job.held for room in self._rooms.values() for job in room.jobs.values())

    def check_room(self, client: Client) -> None:
        """See that a room is free for ``client``.

        Raises:
            QuotaExceeded: as many visitors are here, or have come from this address, as may be.
        """
        if self._is_bounded(client):
            full = len(self._rooms) >= MOST_ROOMS or len(self._of_address(client)) >= max(1, MOST_ROOMS // 2)
        else:
            full = len(self._rooms) >= MOST_ROOMS + RESERVED_ROOMS
        if full:
            raise QuotaExceeded(code="full")

    def room_for(self, room: VisitorSession) -> int:
        """Return how many bytes another file of this visitor may have.

        What was announced and has not come counts for the address that announced it, and costs others nothing.
        """
        jobs = [job for near in self._of_address(room.client) for job in near.jobs.values()]
        free = self.free - sum(job.promised for job in jobs)
        if not self._is_bounded(room.client):
            return free
        taken = sum(job.held + job.promised for job in jobs)
        share = round(self._budget() * ADDRESS_SHARE) - taken if taken else self._budget()
        return min(share, free - self._kept)

    def check_announced(self, room: VisitorSession) -> None:
        """See that this visitor may announce another file.

        Raises:
            QuotaExceeded: as many as may be are on their way, of this address or of all.
        """
        if self._is_bounded(room.client):
            visitors = [each for each in self._rooms.values() if self._is_bounded(each.client)]
            near = sum(map(_on_the_way, self._of_address(room.client)))
            full = sum(map(_on_the_way, visitors)) >= ANNOUNCED or near >= ANNOUNCED_PER_ADDRESS
        else:
            full = sum(map(_on_the_way, self._rooms.values())) >= ANNOUNCED + RESERVED_ANNOUNCED
        if full:
            raise QuotaExceeded(code=ON_THE_WAY)

    def spare_for(self, room: VisitorSession) -> int:
        """Return how many bytes results of this visitor's file may take; those kept for operators are none of them."""
        free = self.free - (self._kept if self._is_bounded(room.client) else 0)
        return max(0, free // 2)

    def arrive(self, room: VisitorSession, job: Job, held: int) -> None:
        """Count ``held`` bytes of ``job`` that have come.

        Raises:
            QuotaExceeded: others have taken the room meanwhile.
        """
        job.held = held
        if self.free < (self._kept if self._is_bounded(room.client) else 0):
            raise QuotaExceeded(code="no_room")

    @property
    def _kept(self) -> int:
        """Bytes for operators alone."""
        return round(self._budget() * OPERATORS_SHARE)

    def _is_bounded(self, client: Client) -> bool:
        return not (client.operates or (client.local and self._local_only))

    def _of_address(self, client: Client) -> list[VisitorSession]:
        return [room for room in self._rooms.values() if room.client.site == client.site]


def _on_the_way(room: VisitorSession) -> int:
    return sum(job.state in {State.ANNOUNCED, State.UPLOADING} for job in room.jobs.values())
