"""Reports that were drawn, kept in the sessions' file until their session changes or is deleted.

The file's triggers drop a page as soon as anything of its session changes; a new version of the program, or another
time zone, has it drawn anew.
"""

from __future__ import annotations

import functools
import hashlib
import time
import zlib
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from edge import __version__
from edge.recording.rows import Statement
from edge.util.sqlite import FileFault

if TYPE_CHECKING:
    from edge.recording.file import SessionFile
    from edge.recording.values import SessionRecord

PAGES_MAX = 40
"""Pages that are kept: those drawn last."""
_BYTES_MAX = 900_000
"""Of a page as it is kept; a cell of the file may have 1 MiB."""
_PLAIN_MAX = 16 * 2**20


def find(file: SessionFile, record: SessionRecord) -> str | None:
    """The page of ``record`` where it was drawn by this version; ``None`` otherwise, and while the session runs."""
    if record.running:
        return None
    rows = file.read("SELECT content FROM page WHERE session = ? AND made_by = ?", (record.id, made_by()))
    if not rows or not isinstance(rows[0][0], bytes):
        return None
    try:
        content = zlib.decompressobj().decompress(rows[0][0], _PLAIN_MAX)
        return content.decode()
    except (zlib.error, UnicodeDecodeError):
        return None  # damaged: it is drawn again


def keep(file: SessionFile, record: SessionRecord, page: str) -> None:
    """Keep the page of a session that is over and still there; a file without room goes without."""
    content = zlib.compress(page.encode(), 6)
    if record.running or len(content) > _BYTES_MAX or file.session(record.id) != record:
        return
    values = (record.id, made_by(), int(time.time() * 1000), content, record.id, record.lasted_s, record.title)
    insert = (
        "REPLACE INTO page (session, made_by, made_ms, content) SELECT ?, ?, ?, ?"
        " WHERE EXISTS (SELECT 1 FROM session WHERE id = ? AND lasted_s = ? AND title = ?)"
    )
    bound = "DELETE FROM page WHERE session NOT IN (SELECT session FROM page ORDER BY made_ms DESC LIMIT ?)"
    with suppress(FileFault):
        file.write([Statement(insert, values), Statement(bound, (PAGES_MAX,))])


def made_by() -> str:
    """The program that draws, and what else a page depends on beside its session."""
    return f"{__version__} {_program()} {'/'.join(time.tzname)}"


@functools.cache
def _program() -> str:
    """Short digest of the files that make a page, by name, size and time of their last change."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.rglob("*.*")):
        if path.suffix in {".py", ".html", ".css"}:
            status = path.stat()
            digest.update(f"{path.name} {status.st_size} {status.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:16]
