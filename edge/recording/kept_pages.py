"""Disk space that stored report pages take in the session file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge.recording.rows import SqlStatement

if TYPE_CHECKING:
    from edge.recording.file import SessionFile


def size_bytes(file: SessionFile) -> int:
    """Return the size of all stored pages, in bytes."""
    return int(file.read("SELECT coalesce(sum(length(content)), 0) FROM page")[0][0])


def forget(file: SessionFile) -> None:
    """Delete all stored pages to make room for sessions."""
    file.write([SqlStatement("DELETE FROM page")])
