"""A few figures of each session, kept in the file so that a list need not read whole sessions.

The file's triggers drop a summary as soon as anything of its session changes.
"""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from edge.recording import checks
from edge.recording.rows import Statement
from edge.recording.values import Glance
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


def _sensible(figures: Sequence[Any]) -> bool:
    """Whether a row has what can have been written; a card that loses bits may give anything."""
    people, people_max, valence, figures_s, withheld_s = figures
    numbers = map(checks.optional(checks.number), (people, valence))
    return all(numbers) and all(map(checks.count, (people_max, figures_s, withheld_s)))


def put_summary(session: str) -> Statement:
    """Sum up what is in the file of a session that is over."""
    return Statement(f"REPLACE INTO summary ({_COLUMNS}) {_SUMMED}", (session, session))


def glances(file: SessionFile, records: Sequence[SessionRecord], *, limit_s: float = 1e9) -> dict[str, Glance]:
    """The figures of ``records`` by id.

    Those that are not summed up yet (a file of an older version, an interrupted session) are summed up and kept now;
    after ``limit_s`` seconds the rest is left for the next call.

    Raises:
        FileDamaged: what is summed up is nothing that was ever written.
        FileFault: the file cannot be read.
    """
    until_s = time.monotonic() + limit_s
    marks = ", ".join("?" * len(records))
    sql = f"SELECT {_COLUMNS} FROM summary WHERE session IN ({marks})"  # noqa: S608 - ours
    rows = file.read(sql, [record.id for record in records])
    found = {session: Glance(*figures) for session, *figures in rows if _sensible(figures)}
    for record in records:
        if record.id in found:
            continue
        if time.monotonic() > until_s:
            break
        [(_, *figures)] = file.read(_SUMMED, (record.id, record.id))
        if not _sensible(figures):
            msg = f"is damaged (the seconds of session {record.id} cannot be summed up)"
            raise FileDamaged(msg)
        found[record.id] = Glance(*figures)
        if not record.running:
            with suppress(FileFault):  # it is read-only or full: the list goes without
                file.write([put_summary(record.id)])
    return found


def counts_only(record: SessionRecord, glance: Glance) -> str:
    """Why there are no figures about expression, where too few faces are the reason; nothing otherwise."""
    if glance.figures_s or not glance.withheld_s:
        return ""
    k = record.k
    return (
        f"figures need {k} face{'' if k == 1 else 's'} or more in view, {glance.people_max} at the most came into view"
    )
