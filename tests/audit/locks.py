"""The lock files: which packages they pin, and when their versions were chosen."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.markers import Marker
from packaging.utils import canonicalize_name

if TYPE_CHECKING:
    from collections.abc import Iterable

ROOT = Path(__file__).parents[2]
DEVELOPMENT = ROOT / "tests/requirements.txt"
MAX_AGE_DAYS = 60
"""After so many days a lock is renewed, whether an advisory asks for it or not (docs/security.md)."""
_CHOSEN = re.compile(r"^# Versions chosen on (\d{4}-\d{2}-\d{2})\.$", re.MULTILINE)
_PIN = re.compile(
    r"(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^ ;]+)(?: *; *(?P<marker>.*?))?(?P<hashes>( +--hash=\S+)*) *$"
)
_HASH = re.compile(r" --hash=sha256:[0-9a-f]{64}(?= |$)")


@dataclass(frozen=True, slots=True, order=True)
class Pin:
    """One package at one version; ``marker`` is empty where it is for every machine."""

    name: str
    version: str
    marker: str = ""


def locks() -> list[Path]:
    """All of them: what goes on devices, and the development environment."""
    systemd = ROOT / "systemd"
    return [*sorted(systemd.glob("requirements-*.txt")), *sorted((systemd / "extras").glob("*.txt")), DEVELOPMENT]


def pins(path: Path) -> list[Pin]:
    """The packages of one lock.

    Raises:
        ValueError: a line is no pin, or has no SHA-256; the message names file and line.
    """
    found = []
    for line in _lines(path):
        pin = _PIN.fullmatch(line)
        if pin is None or not _HASH.search(line) or len(_HASH.findall(line)) != line.count("--hash="):
            msg = f"{path}: not a version with SHA-256 hashes: {line[:80]}"
            raise ValueError(msg)
        found.append(
            Pin(canonicalize_name(pin["name"]), pin["version"], str(Marker(m)) if (m := pin["marker"]) else "")
        )
    return found


def chosen_on(path: Path) -> date:
    """The date on which the lock's versions were the newest.

    Raises:
        ValueError: the lock does not have it.
    """
    found = _CHOSEN.search(path.read_text(encoding="utf-8"))
    if found is None:
        msg = f'{path}: no line "# Versions chosen on YYYY-MM-DD."'
        raise ValueError(msg)
    return date.fromisoformat(found[1])


def problems(paths: Iterable[Path], today: date) -> list[str]:
    """What is wrong with the locks as they are written, a line each."""
    found = []
    for path in paths:
        try:
            pins(path)
            days = (today - chosen_on(path)).days
        except (OSError, ValueError) as error:
            found.append(str(error))
            continue
        if days > MAX_AGE_DAYS:
            found.append(f"{path}: its versions are {days} days old: run systemd/lock.sh")
    return found


def _lines(path: Path) -> list[str]:
    text = path.read_text(encoding="utf-8").replace("\\\n", " ")
    return [" ".join(line.split()) for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
