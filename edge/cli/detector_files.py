"""Files of face detectors in ``face-edge models``: get, list, verify and remove them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from edge.core.errors import InputError, ModelError

if TYPE_CHECKING:
    from pathlib import Path

    from edge.config import Config
    from edge.models.detectors import InstalledDetector

NAMES = ("yunet", "blazeface")
"""What ``edge.models.published`` has; named here, since that module loads OpenCV."""


def add(config: Config, name: str, given: Path | None) -> bool:
    """Get the detector called ``name``, and return whether the configuration uses it."""
    from edge.models.detectors import install
    from edge.models.published import PUBLISHED
    from edge.models.store import models_dir

    detector = PUBLISHED[name]
    path = install(detector, models_dir(config), given)
    click.echo(f"{path}: the published file, {detector.licence}")
    used = config.detector.kind in detector.kinds
    if not used:
        click.echo(f'use it with detector.kind = "{name}" in the configuration, or --set detector.kind={name}')
    return used


def remove(config: Config, name: str) -> None:
    """Delete the file of the detector called ``name``."""
    from edge.models.detectors import remove as remove_detector
    from edge.models.published import PUBLISHED
    from edge.models.store import models_dir

    remove_detector(PUBLISHED[name], models_dir(config))
    click.echo(f"{name}: removed")
    if config.detector.kind == name:
        click.echo(f'detector.kind = "{name}" still asks for it: set another one before the device starts again')


def entries(config: Config) -> list[dict[str, Any]]:
    """Return the properties of each installed detector."""
    from edge.models.detectors import installed
    from edge.models.store import models_dir

    return [_facts(config, found) for found in installed(models_dir(config))]


def line(entry: dict[str, Any]) -> str:
    """Return one entry as a line of text."""
    state = "ok" if entry["ok"] else f"not usable: {entry['error']}"
    return f"{entry['name']}: face detector; {entry['bytes'] / 1e6:.1f} MB, {entry['licence']}, {state}"


def verified(config: Config, name: str | None = None) -> list[dict[str, Any]]:
    """Return the installed detectors, or the one called ``name``, after checking that they are the published files.

    Raises:
        InputError: there is none by that name.
        ModelError: one is damaged.
    """
    found = [entry for entry in entries(config) if name in {None, entry["name"]}]
    if name is not None and not found:
        msg = f"{name}: is not installed: face-edge models add {name}"
        raise InputError(msg)
    for entry in found:
        if not entry["ok"]:
            raise ModelError(entry["error"])
    return found


def _facts(config: Config, found: InstalledDetector) -> dict[str, Any]:
    detector = found.detector
    facts = {
        "path": str(found.path),
        "used": config.detector.kind in detector.kinds and not found.problem,
        "detector": True,
        "name": detector.name,
        "file": detector.file,
        "bytes": found.size,
        "licence": detector.licence,
        "ok": not found.problem,
    }
    return facts | ({"error": found.problem} if found.problem else {})
