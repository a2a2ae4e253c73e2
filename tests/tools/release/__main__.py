"""Release a version: ``python -m tests.tools.release VERSION``, or only its lists with ``--inventory``.

Writes wheel, source distribution, SBOM, licences, notes and checksums into ``dist/``. Exit code 0: all of it is there.
1: the checkout is not fit for the release, or a part cannot be built; nothing is in ``dist/`` then.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tests.tools.release import checks, inventory, packages
from tests.tools.release.notes import notes, section

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).resolve().parents[3]


def main(arguments: Sequence[str] | None = None, root: Path = ROOT) -> int:
    """Release from the checkout at ``root``."""
    parser = argparse.ArgumentParser(prog="python -m tests.tools.release", description="Build a release into dist/.")
    parser.add_argument("version", nargs="?", help="the version to release, such as 1.2.0")
    parser.add_argument("--rebuild", action="store_true", help="build a version again whose tag is checked out")
    parser.add_argument("--inventory", action="store_true", help="write only the SBOM and the licences")
    asked = parser.parse_args(arguments)
    if asked.version is None and not asked.inventory:
        parser.error("give the version to release")
    found = [] if asked.inventory else checks.problems(root, asked.version, rebuild=asked.rebuild)
    for line in found:
        print(f"release: {line}", file=sys.stderr)
    if found:
        return 1
    try:
        written = list_packages(root) if asked.inventory else release(root, asked.version)
    except packages.BuildError as error:
        print(f"release: {error}", file=sys.stderr)
        return 1
    print("\n".join(str(path.relative_to(root)) for path in written))
    return 0


def release(root: Path, version: str) -> list[Path]:
    """Build everything into an empty ``dist/`` and return the files.

    Raises:
        BuildError: a part cannot be built.
    """
    changelog = (root / "CHANGELOG.md").read_text(encoding="utf-8")
    if section(changelog, "Unreleased"):
        print("release: note: CHANGELOG.md has entries under [Unreleased], which the notes leave out", file=sys.stderr)
    with tempfile.TemporaryDirectory(prefix="face-edge-release-") as scratch:
        target = Path(scratch)
        packages.build(root, target)
        _inventory(root, target, version)
        (target / f"face-edge-{version}-notes.md").write_text(notes(changelog, version), encoding="utf-8")
        sums = packages.digests(sorted(target.iterdir()))
        lines = "".join(f"{digest}  {name}\n" for name, digest in sums.items())
        (target / "SHA256SUMS").write_text(lines, encoding="utf-8")
        shutil.rmtree(root / "dist", ignore_errors=True)
        return _delivered(target, root / "dist")


def list_packages(root: Path) -> list[Path]:
    """Write the SBOM and the licences into ``dist/`` and return the files.

    Raises:
        BuildError: a package cannot be had.
    """
    with tempfile.TemporaryDirectory(prefix="face-edge-release-") as scratch:
        _inventory(root, Path(scratch), checks.declared(root))
        return _delivered(Path(scratch), root / "dist")


def _inventory(root: Path, target: Path, version: str) -> None:
    python = inventory.device_environment(root, root / "build/device")
    inventory.sbom(root, python, version, target / f"face-edge-{version}.cdx.json")
    inventory.licences(python, target / f"face-edge-{version}-licences.txt")


def _delivered(source: Path, target: Path) -> list[Path]:
    target.mkdir(exist_ok=True)
    return [Path(shutil.copyfile(path, target / path.name)) for path in sorted(source.iterdir())]


if __name__ == "__main__":
    sys.exit(main())
