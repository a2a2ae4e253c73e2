"""Build wheel and source distribution so that anyone gets the same bytes from the same commit.

Hatchling writes files in a fixed order and takes every time from ``SOURCE_DATE_EPOCH``. Only committed files are built,
and the build runs twice, in different folders and under different umasks, to prove it.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from tests.tools.release.checks import git

if TYPE_CHECKING:
    from collections.abc import Sequence

_UMASKS = (0o022, 0o077)


class BuildError(Exception):
    """A package cannot be built, or not the same way twice; the message is one line."""


def build(root: Path, target: Path) -> list[Path]:
    """Build the commit that is checked out at ``root`` twice and put the packages into ``target``.

    Raises:
        BuildError: the build failed, or its two results differ.
    """
    with tempfile.TemporaryDirectory(prefix="face-edge-release-") as scratch:
        first, second = (_built(root, Path(scratch) / str(number), mask) for number, mask in enumerate(_UMASKS))
        if (one := digests(first)) != (other := digests(second)):
            different = sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))
            msg = f"two builds of one commit differ: {', '.join(different)}"
            raise BuildError(msg)
        target.mkdir(parents=True, exist_ok=True)
        return [Path(shutil.copyfile(path, target / path.name)) for path in first]


def digests(paths: Sequence[Path]) -> dict[str, str]:
    """Return the SHA-256 of each file by its name."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def epoch(root: Path) -> str:
    """Return the Unix time of the commit at ``root``, for ``SOURCE_DATE_EPOCH``."""
    return git(root, "log", "-1", "--format=%ct")


def _built(root: Path, folder: Path, mask: int) -> list[Path]:
    sources, out = folder / "sources", folder / "dist"
    archive = subprocess.run(
        ["git", "-C", str(root), "archive", "--format=tar", "HEAD"],
        capture_output=True,
        check=False,
    )
    if archive.returncode != 0:
        msg = f"git archive: {_last_line(archive.stderr.decode(errors='replace'))}"
        raise BuildError(msg)
    with tarfile.open(fileobj=BytesIO(archive.stdout)) as tar:
        tar.extractall(sources, filter="data")
    done = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-t", "wheel", "-d", str(out)],
        cwd=sources,
        env=os.environ | {"SOURCE_DATE_EPOCH": epoch(root)},
        umask=mask,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        msg = f"hatchling: {_last_line(done.stderr)}"
        raise BuildError(msg)
    return sorted(out.iterdir())


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or ["no reason given"])[-1]
