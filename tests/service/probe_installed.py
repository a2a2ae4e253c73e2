"""Sees whether everything that was installed into this environment is whole, byte for byte.

Each file is held against the SHA-256 that its package lists, and each compiled module is read; units, link and
configuration must not be empty. The exit code is 1 where something is missing, cut short or changed.
"""

from __future__ import annotations

import base64
import hashlib
import marshal
import sys
from importlib import metadata
from pathlib import Path

_PYC_HEADER = 16
OWN = ("/etc/face-edge/config.toml", "/etc/systemd/system/face-edge.service", "/usr/local/bin/face-edge")


def listed() -> tuple[int, list[str]]:
    """How many files were held against their hash, and those that differ."""
    looked_at, wrong = 0, []
    for package in metadata.distributions(path=[path for path in sys.path if path.startswith(sys.prefix)]):
        for entry in package.files or []:
            if entry.hash is None:
                continue
            looked_at += 1
            path = Path(str(package.locate_file(entry)))
            content = path.read_bytes() if path.is_file() else b""
            digest = base64.urlsafe_b64encode(hashlib.new(entry.hash.mode, content).digest()).rstrip(b"=").decode()
            if digest != entry.hash.value:
                wrong.append(f"{path}: {len(content)} bytes, {entry.size} expected")
    return looked_at, wrong


def compiled() -> tuple[int, list[str]]:
    """How many compiled modules were read, and those that cannot be."""
    looked_at, wrong = 0, []
    for path in Path(sys.prefix).rglob("*.pyc"):
        looked_at += 1
        try:
            marshal.loads(path.read_bytes()[_PYC_HEADER:])
        except (EOFError, ValueError, TypeError) as error:
            wrong.append(f"{path}: {error}")
    return looked_at, wrong


def main() -> int:
    """Look at everything and tell; the exit code."""
    files, wrong = listed()
    modules, unreadable = compiled()
    empty = [f"{path}: empty or gone" for path in OWN if not (Path(path).is_file() and Path(path).stat().st_size)]
    for line in [*wrong, *unreadable, *empty]:
        sys.stdout.write(line + "\n")
    sys.stdout.write(f"{files} files and {modules} compiled modules\n")
    return 1 if wrong or unreadable or empty or not files else 0


if __name__ == "__main__":
    sys.exit(main())
