"""Find the reasons for which a version cannot be released from a checkout."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

from tests.tools.release.notes import section

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_SEMANTIC = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)((a|b|rc)\d+)?")
"""Semantic versions in the spelling of PEP 440, such as 1.2.0 or 1.2.0rc1."""
_DECLARED = re.compile(r'^__version__ = "(.+)"$', re.MULTILINE)
_SHOWN_FILES = 5


def problems(root: Path, version: str, *, rebuild: bool = False) -> list[str]:
    """Return a line for each reason against releasing ``version`` from the checkout at ``root``.

    ``rebuild`` accepts the version's tag where it points at the checked-out commit.
    """
    if not _SEMANTIC.fullmatch(version):
        return [f"{version!r} is not a version: give three numbers, such as 1.2.0, or 1.2.0rc1 for a candidate"]
    return [*_tree(root), *_version(root, version), *_tag(root, version, rebuild=rebuild), *_changelog(root, version)]


def declared(root: Path) -> str:
    """Return the version that the package at ``root`` declares, or "no version"."""
    file = root / "edge/__init__.py"
    found = _DECLARED.search(file.read_text(encoding="utf-8")) if file.is_file() else None
    return found[1] if found else "no version"


def git(root: Path, *arguments: str) -> str:
    """Return the output of a git command in ``root``; empty where it fails."""
    command = ["git", "-C", str(root), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


def _tree(root: Path) -> Iterator[str]:
    if not git(root, "rev-parse", "HEAD"):
        yield f"{root} is not a git checkout with a commit: release from a clone of the repository"
        return
    changed = [line[2:].strip() for line in git(root, "status", "--porcelain").splitlines()]
    if changed:
        more = f" and {len(changed) - _SHOWN_FILES} more" if len(changed) > _SHOWN_FILES else ""
        yield f"the tree has changes: commit or remove {', '.join(changed[:_SHOWN_FILES])}{more}"


def _version(root: Path, version: str) -> Iterator[str]:
    if (found := declared(root)) != version:
        yield f"edge/__init__.py says {found}, not {version}: change __version__ and commit"


def _tag(root: Path, version: str, *, rebuild: bool) -> Iterator[str]:
    tagged = git(root, "rev-parse", "--verify", "--quiet", f"refs/tags/v{version}^{{commit}}")
    if not tagged:
        return
    if not rebuild:
        yield f"the tag v{version} exists: choose the next version, or check it out and give --rebuild"
    elif tagged != git(root, "rev-parse", "HEAD"):
        yield f"the tag v{version} is another commit: git checkout v{version}"


def _changelog(root: Path, version: str) -> Iterator[str]:
    file = root / "CHANGELOG.md"
    if not section(file.read_text(encoding="utf-8") if file.is_file() else "", version):
        yield f"CHANGELOG.md has no entries for {version}: move those of [Unreleased] below ## [{version}] - DATE"
