"""File system of a path, and whether its content survives a reboot."""

from __future__ import annotations

from pathlib import Path

_IN_MEMORY = frozenset({"tmpfs", "ramfs"})
_MOUNTS = Path("/proc/self/mountinfo")
_BOOT = Path("/proc/sys/kernel/random/boot_id")


def file_system(path: Path) -> str:
    """Return the type of the file system of ``path``, such as ``ext4``; empty if it is unknown."""
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
    """Return whether the file system of ``path`` is in memory."""
    return file_system(path) in _IN_MEMORY


def transient_boot(path: Path) -> str:
    """Return the id of this boot if a reboot may undo writes to ``path``, otherwise an empty string.

    This is the case on an overlay, such as the read-only mode of Raspberry Pi OS: writes go to memory, and the next
    boot finds the older files of the lower layer.
    """
    if file_system(path.resolve()) != "overlay":
        return ""
    try:
        return _BOOT.read_text(encoding="ascii").strip()
    except OSError:
        return "unknown"
