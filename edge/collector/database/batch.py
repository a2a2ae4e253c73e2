"""What is stored together."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edge.collector.database.tables import Row
    from edge.collector.topics import Kind


@dataclass(slots=True)
class Batch:
    """Rows by kind, in the order in which they came."""

    rows: dict[Kind, list[Row]] = field(default_factory=dict)

    def add(self, kind: Kind, row: Row) -> None:
        """Append one."""
        self.rows.setdefault(kind, []).append(row)

    def nodes(self) -> set[str]:
        """Whose rows they are."""
        return {row[0] for rows in self.rows.values() for row in rows}
