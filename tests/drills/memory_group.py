"""A control group whose memory can be limited, so that the kernel's out-of-memory killer acts in it and nowhere else.

Version 2 (Documentation/admin-guide/cgroup-v2.rst of the kernel) where the memory controller is there, otherwise
version 1. Needs root.
"""

from __future__ import annotations

import contextlib
import os
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self

from edge.core.errors import HardwareUnavailable

if TYPE_CHECKING:
    from types import TracebackType

ROOT = Path("/sys/fs/cgroup")
OWN = Path("/proc/self/cgroup")
_ENTER = 'echo $$ > "$0" && exec "$@"'
_REMOVE_S = 5.0


class MemoryGroup:
    """``within`` goes before a command that is to run in it.

    Raises:
        HardwareUnavailable: on entering, where no such group can be made here.
    """

    def __init__(self, root: Path = ROOT, own: Path = OWN) -> None:
        self._root, self._own = root, own
        self._path = Path()
        self._second = True

    @property
    def within(self) -> tuple[str, ...]:
        """A shell that enters the group and becomes the command: its process id stays."""
        return ("/bin/sh", "-c", _ENTER, str(self._path / "cgroup.procs"))

    @property
    def kind(self) -> str:
        """Which interface of the kernel it is."""
        return f"cgroup v{2 if self._second else 1}"

    @property
    def used(self) -> int:
        """Bytes that its processes have now, file cache included."""
        name = "memory.current" if self._second else "memory.usage_in_bytes"
        return int((self._path / name).read_text(encoding="ascii"))

    @property
    def kills(self) -> int:
        """How many processes the kernel has killed in it for want of memory."""
        name = "memory.events" if self._second else "memory.oom_control"
        found = re.search(r"^oom_kill (\d+)$", (self._path / name).read_text(encoding="ascii"), re.MULTILINE)
        return int(found[1]) if found else 0

    def limit(self, most: int | None) -> None:
        """At most so many bytes, and no swap to flee to; ``None`` for as many as there are."""
        if self._second:
            self._write("memory.max", "max" if most is None else str(most))
            with contextlib.suppress(OSError):  # a kernel without swap has no such file
                self._write("memory.swap.max", "max" if most is None else "0")
            return
        both = ("memory.limit_in_bytes", "memory.memsw.limit_in_bytes")
        # memory and swap together may never be less than memory alone
        for name in both if most is not None else both[::-1]:
            with contextlib.suppress(FileNotFoundError):
                self._write(name, "-1" if most is None else str(most))

    def _write(self, name: str, value: str) -> None:
        path = self._path / name
        if not path.exists():
            raise FileNotFoundError(path)
        path.write_text(value, encoding="ascii")

    def __enter__(self) -> Self:
        parent = self._parent()
        self._path = parent / f"face-edge-drill-{os.getpid()}"
        try:
            self._path.mkdir()
        except OSError as error:
            raise HardwareUnavailable(_refusal(f"{parent}: {error.strerror}")) from None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        until_s = time.monotonic() + _REMOVE_S
        while self._path.exists() and time.monotonic() < until_s:
            with contextlib.suppress(OSError):  # busy, until the last of its processes is gone
                self._path.rmdir()
            time.sleep(0.02)

    def _parent(self) -> Path:
        """The group in which one may be made: for version 2 one that hands the memory controller on."""
        places = dict(line.split(":", 2)[1:] for line in self._own.read_text(encoding="ascii").splitlines())
        for mounted in (self._root, self._root / "unified"):
            here = mounted / places.get("", "/").lstrip("/")
            for group in (here, *here.parents):
                if _words(group / "cgroup.subtree_control") >= {"memory"}:
                    return group
                if group == mounted:
                    break
        self._second = False
        first = self._root / "memory"
        if not (first / "memory.limit_in_bytes").exists():
            raise HardwareUnavailable(_refusal("there is no memory controller"))
        inner = first / places.get("memory", "/").lstrip("/")
        return inner if inner.is_dir() else first


def _words(path: Path) -> set[str]:
    try:
        return set(path.read_text(encoding="ascii").split())
    except OSError:
        return set()


def _refusal(why: str) -> str:
    return (
        f"this drill limits memory with a control group ({why}): run it as root (sudo), on a Raspberry Pi with "
        "cgroup_enable=memory in /boot/firmware/cmdline.txt"
    )
