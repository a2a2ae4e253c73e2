"""State folder of a measured device: separate, but with the installed detectors of the real one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge.models.published import PUBLISHED
from edge.models.store import models_dir

if TYPE_CHECKING:
    from pathlib import Path

    from edge.config import Config


def lend_detectors(config: Config, folder: Path) -> None:
    """Link the detectors' files that ``config`` has installed into the state folder ``folder``."""
    own = folder / "models"
    for detector in PUBLISHED.values():
        file, link = models_dir(config) / detector.file, own / detector.file
        if file.is_file() and not link.exists():
            own.mkdir(parents=True, exist_ok=True)
            link.symlink_to(file.resolve())
