"""Versions on the disk: their folders, the links that select one, and the unit files of each.

.. code-block:: text

    /opt/face-edge/releases/TIME/   an environment, with its unit files in units/
    /opt/face-edge/current          the version in use
    /opt/face-edge/previous         the version before it
    /opt/face-edge/trial            present while ``current`` is on trial: the version to go back to

A trial is accepted by renaming ``trial`` to ``previous``. Until then every start without a living judge goes back
(:mod:`upgrade.trial`), at whatever step the power was cut: :meth:`Releases.switch` may be repeated from any state.
"""

from __future__ import annotations

import shutil
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path("/opt/face-edge")
UNITS = Path("/etc/systemd/system")
_UNFINISHED = ".unfinished"
_REJECTED = ".rejected"


class Releases:
    """Versions below ``root`` and their unit files in ``units``; ``sync`` flushes file systems to the disk."""

    def __init__(self, root: Path = ROOT, units: Path = UNITS, *, sync: Callable[..., None] | None = None) -> None:
        self.root = root
        self._units = units
        self._sync = sync or _sync

    @property
    def current(self) -> Path | None:
        """Version in use; ``None`` if there is none."""
        return self._target("current")

    @property
    def previous(self) -> Path | None:
        """Version to which ``--rollback`` goes; ``None`` if there is none.

        Without a link, as left by earlier installers, it is the newest of the older ones.
        """
        found, current = self._target("previous"), self.current
        if found is not None and found != current and self.is_finished(found):
            return found
        older = [
            folder
            for folder in self._finished()
            if current is not None and folder < current and not (folder / _REJECTED).exists()
        ]
        return older[-1] if older else None

    @property
    def on_trial(self) -> bool:
        """True while ``current`` is not accepted yet."""
        return (self.root / "trial").is_symlink()

    @property
    def fallback(self) -> Path | None:
        """Version to go back to from a trial; ``None`` if it is missing or damaged."""
        found = self._target("trial")
        return found if found is not None and self.is_finished(found) else None

    def stage(self, release: Path) -> None:
        """Write the version's unit files beside their final paths, so that only renames remain.

        Raises:
            OSError: the disk is full or cannot be written; nothing has changed.
        """
        try:
            for unit in _unit_files(release):
                self._staged(unit.name).unlink(missing_ok=True)
                if not _same(unit, self._units / unit.name):  # a full disk must not prevent the rollback
                    shutil.copyfile(unit, self._staged(unit.name))
                    self._staged(unit.name).chmod(0o644)
            self._sync(release, self._units)
        except OSError:
            self._discard_staged(release)
            raise

    def switch(self, release: Path) -> None:
        """Switch to ``release``: each name changes in one step, after its files are on the disk."""
        self.stage(release)
        self._link("current", release)
        wanted = {unit.name for unit in _unit_files(release)}
        for name in sorted(wanted):
            if self._staged(name).exists():
                self._staged(name).replace(self._units / name)
        for name in self._unit_names() - wanted if wanted else ():
            (self._units / name).unlink(missing_ok=True)
            self._staged(name).unlink(missing_ok=True)
        self._sync(self._units, self.root)

    def begin_trial(self, before: Path) -> None:
        """Record that the next version is on trial, before anything changes."""
        self._link("trial", before)
        self._sync(self.root)

    def accept(self, before: Path | None) -> None:
        """Accept the version in use; ``--rollback`` goes to ``before`` from now on."""
        if self.on_trial:
            (self.root / "trial").replace(self.root / "previous")
        elif before is not None:
            self._link("previous", before)
        self._sync(self.root)

    def end_trial(self) -> None:
        """End the trial after the previous version is in use again."""
        (self.root / "trial").unlink(missing_ok=True)
        self._sync(self.root)

    def reject(self, release: Path) -> None:
        """Exclude ``release`` from the choice for ``--rollback``."""
        with suppress(OSError):
            (release / _REJECTED).touch()

    def tidy(self) -> None:
        """Delete every version except the one in use, the previous one and those that a trial needs."""
        kept = {self.current, self.previous, self._target("trial")}
        for folder in self._folders():
            if folder not in kept:
                shutil.rmtree(folder, ignore_errors=True)

    def is_finished(self, release: Path) -> bool:
        """Return whether ``release`` is one of our versions and complete."""
        return release.resolve() in self._finished()

    def _finished(self) -> list[Path]:
        return [
            folder
            for folder in self._folders()
            if not (folder / _UNFINISHED).exists() and (folder / "bin" / "face-edge").exists()
        ]

    def _folders(self) -> list[Path]:
        """Return every version's folder, the oldest first: their names are times."""
        folder = self.root / "releases"
        return sorted(path.resolve() for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []

    def _target(self, name: str) -> Path | None:
        link = self.root / name
        return link.resolve() if link.is_symlink() and link.is_dir() else None

    def _link(self, name: str, target: Path) -> None:
        new = self.root / f"{name}.new"
        new.unlink(missing_ok=True)
        new.symlink_to(target)
        new.replace(self.root / name)

    def _staged(self, name: str) -> Path:
        return self._units / f"{name}.new"

    def _discard_staged(self, release: Path) -> None:
        for unit in _unit_files(release):
            with suppress(OSError):
                self._staged(unit.name).unlink(missing_ok=True)

    def _unit_names(self) -> set[str]:
        """Return the names of all units of the versions on the disk."""
        return {unit.name for folder in self._folders() for unit in _unit_files(folder)}


def _unit_files(release: Path) -> list[Path]:
    return sorted((release / "units").glob("*.service"))


def _same(one: Path, other: Path) -> bool:
    return other.is_file() and one.read_bytes() == other.read_bytes()


def _sync(*paths: Path) -> None:
    """Flush the file systems of ``paths`` to the disk."""
    subprocess.run(["sync", "--file-system", *map(str, paths)], check=False)
