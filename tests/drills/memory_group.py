"""Control group with a memory limit, so that the kernel's out-of-memory killer acts only inside it.

Version 2 (Documentation/admin-guide/cgroup-v2.rst of the kernel) if the memory controller is available, otherwise
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
    """Control group; ``within`` is the prefix of commands that run in it.

    Raises:
        HardwareUnavailable: on entering, if no such group can be created here.
    """

    def __init__(self, root: Path = ROOT, own: Path = OWN) -> None:
        self._root, self._own = root, own
        self._path = Path()
        self._second = True

    @property
    def within(self) -> tuple[str, ...]:
        """Return a shell command that enters the group and executes a command with the same process id."""
        return ("/bin/sh", "-c", _ENTER, str(self._path / "cgroup.procs"))

    @property
    def kind(self) -> str:
        """Return the version of the kernel's interface."""
        return f"cgroup v{2 if self._second else 1}"

    @property
    def used(self) -> int:
        """Return the bytes used by its processes, including file cache."""
        name = "memory.current" if self._second else "memory.usage_in_bytes"
        return int((self._path / name).read_text(encoding="ascii"))

    @property
    def kills(self) -> int:
        """Return the number of its processes killed by the kernel for lack of memory."""
        name = "memory.events" if self._second else "memory.oom_control"
        match = re.search(r"^oom_kill (\d+)$", (self._path / name).read_text(encoding="ascii"), re.MULTILINE)
        return int(match[1]) if match else 0

    def limit(self, most: int | None) -> None:
        """Limit memory to ``most`` bytes without swap; ``None`` for no limit."""
        if self._second:
            self._write("memory.max", "max" if most is None else str(most))
            with contextlib.suppress(OSError):  # a kernel without swap has no such file
                self._write("memory.swap.max", "max" if most is None else "0")
            return
        both = ("memory.limit_in_bytes", "memory.memsw.limit_in_bytes")
        # memory and swap together must not be less than memory alone
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
            with contextlib.suppress(OSError):  # busy until its last process has ended
                self._path.rmdir()
            time.sleep(0.02)

    def _parent(self) -> Path:
        """Return the parent group: for version 2 one that delegates the memory controller."""
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
