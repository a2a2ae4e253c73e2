"""The space that kept report pages take in the sessions' file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge.recording.rows import Statement

if TYPE_CHECKING:
    from edge.recording.file import SessionFile


def size_bytes(file: SessionFile) -> int:
    """Return the size of all kept pages, in bytes."""
    return int(file.read("SELECT coalesce(sum(length(content)), 0) FROM page")[0][0])


def forget(file: SessionFile) -> None:
    """Delete all kept pages, so that sessions have their room."""
    file.write([Statement("DELETE FROM page")])
