"""Correct the start times of sessions by their order: a board without a clock battery may have had a wrong year."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from edge.recording.values import SessionRecord


def credible_starts(records: Sequence[SessionRecord], now: datetime) -> list[datetime]:
    """Return plausible starts of ``records``, which are in the order in which the sessions started.

    No start is later than ``now``. A start before that of an earlier session is moved to the earlier session's start;
    a start in the future is moved to that of the next session.
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
