"""When sessions began, judged by their order: a board without a battery for its clock may have had another year."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from edge.recording.values import SessionRecord


def credible_starts(records: Sequence[SessionRecord], now: datetime) -> list[datetime]:
    """Starts of ``records``, which are in the order in which they began, none later than ``now`` or out of order.

    A start that lies behind that of an earlier session is taken for as late as that one; one that is still to come, for
    as early as the next one.
    """
    starts: list[datetime] = []
    latest: datetime | None = None
    for record in records:
        start = min(record.start, now)
        starts.append(start if latest is None else max(start, latest))
        if record.start <= now:
            latest = starts[-1]
    for index in range(len(starts) - 2, -1, -1):
        starts[index] = min(starts[index], starts[index + 1])
    return starts
