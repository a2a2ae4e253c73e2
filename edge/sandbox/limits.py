"""Resource limits of a process that reads untrusted files."""

from __future__ import annotations

import os
import resource
from pathlib import Path

MIB = 1 << 20
_DESCRIPTORS = 128
_FURTHER_TASKS = 256
"""Of processes and threads, beyond those that the user has already: the limit counts a user's together."""
_ADDRESSES = 4096 * MIB
"""Address space beyond the memory: libraries and what threads reserve, which takes no memory."""


def limit(kind: int, bound: int) -> None:
    """Lower a limit to ``bound`` permanently; a lower one is kept."""
    _, hard = resource.getrlimit(kind)
    least = bound if hard == resource.RLIM_INFINITY else min(bound, hard)
    resource.setrlimit(kind, (least, least))


def bound(*, memory: int, cpu_s: int) -> None:
    """Limit memory (writable bytes), processor time (seconds), descriptors and threads; disable core files.

    The caller limits the size of files, since libraries write to files in memory while they load.
    """
    limit(resource.RLIMIT_CORE, 0)
    limit(resource.RLIMIT_DATA, memory)
    limit(resource.RLIMIT_AS, memory + _ADDRESSES)
    limit(resource.RLIMIT_CPU, cpu_s)
    limit(resource.RLIMIT_NOFILE, _DESCRIPTORS)
    limit(resource.RLIMIT_MSGQUEUE, 0)
    limit(resource.RLIMIT_NPROC, _tasks_of(os.getuid()) + _FURTHER_TASKS)


def _tasks_of(user: int) -> int:
    """Count the user's threads."""
    count = 0
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if process.stat().st_uid == user:
                count += sum(1 for _ in (process / "task").iterdir())
        except OSError:  # it has ended
            continue
    return count
