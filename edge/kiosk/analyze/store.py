"""Storage of visitors' files: a bounded folder in memory, emptied at start and stop.

A kiosk that was killed could not tidy up. Each keeps a lock on its folder, so the next one knows which are left over.
"""

from __future__ import annotations

import fcntl
import logging
import os
import secrets
import shutil
import stat
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from edge.system.mounts import lies_in_memory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_LOG = logging.getLogger(__name__)
_LOCK = "lock"
_SHARE = 0.5
"""Of what the file system and the machine's memory have free at the start."""


class Store:
    """A folder for each file; ``budget`` is how many bytes all of them may take together."""

    def __init__(self, most: int, *, parents: Callable[[], Iterable[Path]] | None = None) -> None:
        self._most = most
        self._parents = parents or candidates
        self._lock: int | None = None
        self.folder: Path | None = None
        self.in_memory = False
        self.budget = 0

    def open(self) -> None:
        """Find the place with the most room, and remove what dead kiosks left in any of them.

        Raises:
            OSError: nowhere can a file be written.
        """
        places = [home for parent in self._parents() if (home := _home(parent)) is not None]
        if not places:
            raise OSError(None, "no folder can be written for uploads")
        for place in places:
            _sweep(place)
        home = max(places, key=lambda place: (lies_in_memory(place), shutil.disk_usage(place).free))
        self.in_memory = lies_in_memory(home)
        if not self.in_memory:
            _LOG.warning("no file system in memory was found: what visitors send lies in %s until they leave", home)
        self.folder = home / secrets.token_hex(8)
        self.folder.mkdir(mode=0o700)
        self._lock = os.open(self.folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # last: from here on files are taken, on another thread than this one
        self.budget = min(self._most, round(_SHARE * min(shutil.disk_usage(home).free, _free_memory())))

    def make(self, identity: str) -> Path:
        """Create an empty folder for one file.

        Raises:
            OSError: the store is not open, or cannot be written.
        """
        if self.folder is None:
            raise OSError(None, "no place for uploads")
        made = self.folder / identity
        made.mkdir(mode=0o700)
        return made

    def close(self) -> None:
        """Remove everything; harmless when repeated."""
        folder, self.folder = self.folder, None
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)
        lock, self._lock = self._lock, None
        if lock is not None:
            os.close(lock)


def candidates() -> list[Path]:
    """Folders that usually lie in memory; the last is there for machines that have none."""
    named = (os.environ.get("RUNTIME_DIRECTORY", "").split(":")[0], "/dev/shm", os.environ.get("XDG_RUNTIME_DIR", ""))  # noqa: S108
    return [Path(name) for name in named if name] + [Path(tempfile.gettempdir())]


def _home(parent: Path) -> Path | None:
    """Our own folder in ``parent``, which others may write to as well."""
    home = parent / f"face-edge-uploads-{os.getuid()}"
    try:
        home.mkdir(mode=0o700, exist_ok=True)
        found = home.lstat()
    except OSError:
        return None
    ours = stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o077
    return home if ours and os.access(home, os.W_OK | os.X_OK) else None


def _sweep(home: Path) -> None:
    for left in home.iterdir():
        try:
            lock = os.open(left / _LOCK, os.O_RDWR | os.O_CLOEXEC)
        except OSError:
            continue  # one that starts at this moment, or is no folder of ours
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            continue  # a kiosk that lives
        else:
            shutil.rmtree(left, ignore_errors=True)
        finally:
            os.close(lock)


def _free_memory() -> int:
    """Bytes that could be used without pushing others out."""
    for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return 1 << 30
