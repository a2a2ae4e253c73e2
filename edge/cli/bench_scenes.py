"""``face-edge bench --scenes``: how well faces are found and followed in a folder of marked pictures."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from edge.cli.progress import Progress
from edge.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from edge.bench.scenes.setups import Setup, SkippedSetup
    from edge.cli.settings import Settings

_STEPS = 1000


def bench_scenes(
    settings: Settings,
    folder: Path,
    detectors: Sequence[str],
    *,
    seconds: float | None,
    quick: bool,
    plot: Path | None,
    as_json: bool,
) -> None:
    """Measure each detector on the pictures in ``folder`` and print the table; without names all that are here.

    Raises:
        InputError: the folder cannot be used, or the plot's file cannot be written.
        ConfigError: no detector can be measured.
    """
    from edge.bench.scenes import report, run
    from edge.bench.scenes.truth import load

    if plot is not None:
        from edge.bench.scenes.plot import require

        require(plot)
    load(folder)  # a wrong folder is said before a network is loaded
    setups, skipped = _setups(settings, detectors)
    plan = run.QUICK if quick else run.ScenesPlan()
    plan = plan if seconds is None else replace(plan, seconds=seconds)
    with Progress(_STEPS, label="scenes") as progress:
        scores = run.measure(folder, setups, plan, progress=lambda share: progress.update(_STEPS * share))
    if as_json:
        click.echo(json.dumps(report.as_dict(scores, skipped), indent=2))
    else:
        click.echo("\n".join(report.lines(scores, skipped)))
    if plot is not None:
        from edge.bench.scenes.plot import draw

        draw(scores, plot)


def _setups(settings: Settings, names: Sequence[str]) -> tuple[list[Setup], list[SkippedSetup]]:
    from edge.bench.scenes.setups import DETECTORS, detectors, prepare

    setups, skipped = prepare(detectors(names or DETECTORS), settings.load)
    if not setups:
        raise ConfigError(*(f"{item.name} cannot be measured: {item.reason}" for item in skipped))
    return setups, skipped
