"""Batch of rows that are stored together."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edge.collector.database.tables import Row
    from edge.collector.topics import Kind


@dataclass(slots=True)
class Batch:
    """Rows by kind, in order of arrival."""

    rows: dict[Kind, list[Row]] = field(default_factory=dict)

    def add(self, kind: Kind, row: Row) -> None:
        """Append a row."""
        self.rows.setdefault(kind, []).append(row)

    def nodes(self) -> set[str]:
        """Return the nodes that the rows belong to."""
        return {row[0] for rows in self.rows.values() for row in rows}
