"""File system that can be filled: a small tmpfs if it can be mounted, otherwise a limit on file size."""

from __future__ import annotations

import contextlib
import resource
import shutil
import subprocess
from typing import TYPE_CHECKING, Self

from edge.core.errors import HardwareUnavailable

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

_SIZE_KB = 4096
_BLOCK = b"\0" * 4096


class SmallDisk:
    """Context manager for a small disk with ``folder`` on it; ``kind`` describes it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.kind = ""
        self._mounted = False
        self._limit = resource.getrlimit(resource.RLIMIT_FSIZE)

    def must_be_mounted(self) -> None:
        """Refuse a limit on file size as a replacement for a mount.

        Raises:
            HardwareUnavailable: no file system may be mounted here.
        """
        if not self._mounted:
            msg = "this drill mounts a small file system: run it as root (sudo)"
            raise HardwareUnavailable(msg)

    def fill(self) -> None:
        """Fill the disk, so that writes fail."""
        if not self._mounted:
            # SIGXFSZ is ignored by Python: a write beyond the limit fails with EFBIG
            resource.setrlimit(resource.RLIMIT_FSIZE, (1, self._limit[1]))
            return
        with contextlib.suppress(OSError), self._filler.open("wb", buffering=0) as stream:
            while True:
                stream.write(_BLOCK)

    def make_room(self) -> None:
        """Free the space; no effect when repeated."""
        if self._mounted:
            self._filler.unlink(missing_ok=True)
        else:
            resource.setrlimit(resource.RLIMIT_FSIZE, self._limit)

    @property
    def _filler(self) -> Path:
        return self.folder / "filler"

    def __enter__(self) -> Self:
        self.folder.mkdir()
        program = shutil.which("mount")
        if program is not None:
            command = [program, "-t", "tmpfs", "-o", f"size={_SIZE_KB}k", "tmpfs", str(self.folder)]
            self._mounted = not subprocess.run(command, capture_output=True, check=False).returncode
        self.kind = f"a tmpfs of {_SIZE_KB // 1024} MiB" if self._mounted else "a limit on the size of files"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.make_room()
        if self._mounted:
            # lazily: an outbox that could not be closed must not block the unmount
            subprocess.run(["umount", "-l", str(self.folder)], capture_output=True, check=False)
