"""Which file system a path lies on, and whether it is gone after a reboot."""

from __future__ import annotations

from pathlib import Path

_IN_MEMORY = frozenset({"tmpfs", "ramfs"})
_MOUNTS = Path("/proc/self/mountinfo")
_BOOT = Path("/proc/sys/kernel/random/boot_id")


def file_system(path: Path) -> str:
    """Return the kind of file system that holds ``path``, as ``ext4``; empty where that is not known."""
    best, kind = -1, ""
    try:
        mounts = _MOUNTS.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    for mount in mounts:
        before, _, after = mount.partition(" - ")
        point = Path(before.split()[4].replace("\\040", " "))
        if path.is_relative_to(point) and len(point.parts) >= best:
            best, kind = len(point.parts), after.split()[0]
    return kind


def lies_in_memory(path: Path) -> bool:
    """Return True where the file system that holds ``path`` writes to no disk."""
    return file_system(path) in _IN_MEMORY


def transient_boot(path: Path) -> str:
    """Return the identity of this boot where a reboot may undo what is written to ``path``; empty elsewhere.

    That is an overlay, such as the read-only mode of Raspberry Pi OS: what is written goes to memory, and the next boot
    finds the older files below.
    """
    if file_system(path.resolve()) != "overlay":
        return ""
    try:
        return _BOOT.read_text(encoding="ascii").strip()
    except OSError:
        return "unknown"
