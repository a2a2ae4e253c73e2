"""Cache of rendered reports, stored in the session file until their session changes or is deleted.

Triggers in the file drop a page as soon as its session changes; a new version of the program or another time zone
makes it outdated too.
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
from edge.recording.rows import SqlStatement
from edge.util.sqlite import FileFault

if TYPE_CHECKING:
    from edge.recording.file import SessionFile
    from edge.recording.values import SessionRecord

PAGES_MAX = 40
"""Maximum number of stored pages; the newest are kept."""
_BYTES_MAX = 900_000
"""Maximum size of a compressed page; a cell of the file may hold 1 MiB."""
_PLAIN_MAX = 16 * 2**20


def find(file: SessionFile, record: SessionRecord) -> str | None:
    """Return the page of ``record`` if this version rendered it; ``None`` otherwise, and while the session runs."""
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
    """Store the page of a finished session that still exists; faults of the file, such as no room, are ignored."""
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
        file.write([SqlStatement(insert, values), SqlStatement(bound, (PAGES_MAX,))])


def made_by() -> str:
    """Return a key of all that a page depends on besides its session: version, program files, time zone."""
    return f"{__version__} {_program()} {'/'.join(time.tzname)}"


@functools.cache
def _program() -> str:
    """Return a short digest of the files that make a page, by name, size and modification time."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.rglob("*.*")):
        if path.suffix in {".py", ".html", ".css"}:
            status = path.stat()
            digest.update(f"{path.name} {status.st_size} {status.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:16]
