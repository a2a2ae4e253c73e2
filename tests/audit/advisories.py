"""Advisories in OSV's format, from a stored copy: which of them concern a version.

The format: https://ossf.github.io/osv-schema/. A copy of all that concern PyPI is
https://osv-vulnerabilities.storage.googleapis.com/PyPI/all.zip, which needs no account.
"""

from __future__ import annotations

import json
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from tests.audit.locks import Pin


@dataclass(frozen=True, slots=True)
class Copy:
    """A stored copy: what it holds, and the date of its newest entry."""

    entries: tuple[dict[str, Any], ...]
    newest: str

    def findings(self, pins: Iterable[Pin]) -> list[str]:
        """A line for each advisory that concerns a pinned version."""
        wanted = sorted({(pin.name, pin.version) for pin in pins})
        return [
            f"{name} {version}: {entry['id']}{_summary(entry)}"
            for name, version in wanted
            for entry in self.entries
            if concerns(entry, name, version)
        ]


def load(path: Path) -> Copy:
    """A copy from a zip archive, a folder, or a file with one entry or a list of them.

    Raises:
        OSError: it cannot be read.
        ValueError: it holds no advisories.
    """
    entries = tuple(entry for text in _texts(path) for entry in _entries(text))
    entries = tuple(entry for entry in entries if "id" in entry and "withdrawn" not in entry)
    if not entries:
        msg = f"{path}: no advisories in OSV's format"
        raise ValueError(msg)
    return Copy(entries, max(str(entry.get("modified", "")) for entry in entries)[:10])


def concerns(entry: dict[str, Any], name: str, version: str) -> bool:
    """Whether ``version`` of the package is among those that the advisory says are affected."""
    return any(
        _affects(affected, version)
        for affected in entry.get("affected", ())
        if affected.get("package", {}).get("ecosystem") == "PyPI"
        and canonicalize_name(str(affected["package"].get("name", ""))) == name
    )


def _affects(affected: dict[str, Any], version: str) -> bool:
    if any(_same(listed, version) for listed in affected.get("versions", ())):
        return True
    ranges = [each for each in affected.get("ranges", ()) if each.get("type") == "ECOSYSTEM"]
    return any(_within(each.get("events", ()), Version(version)) for each in ranges)


def _within(events: Iterable[dict[str, str]], version: Version) -> bool:
    """Evaluate the events in the order of their versions: each turns the state on or off from there."""
    inside = False
    ordered = sorted(((Version(at), kind) for event in events for kind, at in event.items() if kind != "limit"))
    for at, kind in ordered:
        reached = version > at if kind == "last_affected" else version >= at
        if reached:
            inside = kind == "introduced"
    return inside


def _same(listed: str, version: str) -> bool:
    try:
        return Version(listed) == Version(version)
    except InvalidVersion:
        return listed == version


def _summary(entry: dict[str, Any]) -> str:
    text = str(entry.get("summary") or entry.get("details") or "").strip().splitlines()
    return f": {text[0][:100]}" if text else ""


def _texts(path: Path) -> Iterator[bytes]:
    if path.is_dir():
        yield from (file.read_bytes() for file in sorted(path.rglob("*.json")))
    elif zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            yield from (archive.read(name) for name in archive.namelist() if name.endswith(".json"))
    else:
        yield path.read_bytes()


def _entries(text: bytes) -> list[dict[str, Any]]:
    found = json.loads(text)
    return [each for each in (found if isinstance(found, list) else [found]) if isinstance(each, dict)]
