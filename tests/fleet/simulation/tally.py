"""Outcome of the messages of all devices together."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class MessageTally:
    """Counts over all devices; at the end every message is in exactly one of the last five.

    ``made`` = ``acknowledged`` + ``unheard`` + ``refused`` + ``dropped`` + waiting messages.
    """

    made: int = 0
    sent: int = 0
    resent: int = 0
    acknowledged: int = 0
    unheard: int = 0
    refused: int = 0
    dropped: int = 0
    receipt_s: list[float] = field(default_factory=list)
    acknowledged_ids: set[str] | None = None
