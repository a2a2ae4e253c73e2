"""A file system that can be filled up: a small tmpfs where we may mount one, otherwise a limit on the size of files."""

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
    """``folder`` lies on it, from ``with`` on; ``kind`` says which way it is done."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.kind = ""
        self._mounted = False
        self._limit = resource.getrlimit(resource.RLIMIT_FSIZE)

    def must_be_mounted(self) -> None:
        """A limit on the size of files will not do.

        Raises:
            HardwareUnavailable: no file system may be mounted here.
        """
        if not self._mounted:
            msg = "this drill mounts a small file system: run it as root (sudo)"
            raise HardwareUnavailable(msg)

    def fill(self) -> None:
        """From now on nothing can be written."""
        if not self._mounted:
            # SIGXFSZ is ignored by Python: a write beyond the limit fails with EFBIG
            resource.setrlimit(resource.RLIMIT_FSIZE, (1, self._limit[1]))
            return
        with contextlib.suppress(OSError), self._filler.open("wb", buffering=0) as stream:
            while True:
                stream.write(_BLOCK)

    def make_room(self) -> None:
        """There is room again; harmless when repeated."""
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
            # lazily: an outbox that could not be closed must not keep the mount
            subprocess.run(["umount", "-l", str(self.folder)], capture_output=True, check=False)
