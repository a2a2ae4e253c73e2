"""Stored summaries of sessions, so that a list need not read whole sessions.

Triggers in the file drop a summary as soon as its session changes.
"""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from edge.recording import checks
from edge.recording.rows import SqlStatement
from edge.recording.values import SessionSummary
from edge.util.sqlite import FileDamaged, FileFault

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge.recording.file import SessionFile
    from edge.recording.values import SessionRecord

_COLUMNS = "session, people, people_max, valence, figures_s, withheld_s"
_SUMMED = (
    "SELECT ?, sum(people * observed_s) / sum(observed_s), coalesce(max(people_max), 0),"
    " sum(valence * counted_s) / sum(counted_s), count(counted_s), coalesce(sum(suppressed), 0)"
    " FROM second WHERE session = ?"
)


def _plausible(figures: Sequence[Any]) -> bool:
    """Return whether a row holds plausible values; a failing memory card may return anything."""
    people, people_max, valence, figures_s, withheld_s = figures
    numbers = map(checks.optional(checks.number), (people, valence))
    return all(numbers) and all(map(checks.count, (people_max, figures_s, withheld_s)))


def put_summary(session: str) -> SqlStatement:
    """Store the summary of a finished session."""
    return SqlStatement(f"REPLACE INTO summary ({_COLUMNS}) {_SUMMED}", (session, session))


def session_summaries(
    file: SessionFile, records: Sequence[SessionRecord], *, limit_s: float = 1e9
) -> dict[str, SessionSummary]:
    """Return the summaries of ``records`` by session id.

    Missing ones (file of an older version, interrupted session) are computed and stored; after ``limit_s`` seconds the
    rest is left for the next call.

    Raises:
        FileDamaged: the rows of a session are not plausible.
        FileFault: the file cannot be read.
    """
    until_s = time.monotonic() + limit_s
    marks = ", ".join("?" * len(records))
    sql = f"SELECT {_COLUMNS} FROM summary WHERE session IN ({marks})"  # noqa: S608 - ours
    rows = file.read(sql, [record.id for record in records])
    summaries = {session: SessionSummary(*figures) for session, *figures in rows if _plausible(figures)}
    for record in records:
        if record.id in summaries:
            continue
        if time.monotonic() > until_s:
            break
        [(_, *figures)] = file.read(_SUMMED, (record.id, record.id))
        if not _plausible(figures):
            msg = f"is damaged (the seconds of session {record.id} cannot be summed up)"
            raise FileDamaged(msg)
        summaries[record.id] = SessionSummary(*figures)
        if not record.running:
            with suppress(FileFault):  # it is read-only or full: the list goes without
                file.write([put_summary(record.id)])
    return summaries


def counts_only(record: SessionRecord, summary: SessionSummary) -> str:
    """Explain missing expression figures if too few faces are the reason; return an empty string otherwise."""
    if summary.figures_s or not summary.withheld_s:
        return ""
    k = record.k
    return (
        f"figures need {k} face{'' if k == 1 else 's'} or more in view, {summary.people_max} at the most came into view"
    )
