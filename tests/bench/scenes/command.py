"""``python -m tests.lab scenes``: measure detection and tracking of faces in a folder of marked pictures."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edge.cli.progress import Progress
from edge.cli.settings import Settings, pass_settings
from edge.core.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.bench.scenes.setups import Setup, SkippedSetup

_STEPS = 1000


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--detector", "detectors", multiple=True, metavar="NAME", help="Only these, such as haar.")
@click.option("--seconds", type=click.FloatRange(1, 600), help="Length of each clip.")
@click.option("--quick", is_flag=True, help="A few pictures and short clips.")
@click.option("--plot", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Draw the result.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@pass_settings
def scenes(
    settings: Settings,
    folder: Path,
    detectors: tuple[str, ...],
    seconds: float | None,
    *,
    quick: bool,
    plot: Path | None,
    as_json: bool,
) -> None:
    """Measure face detectors on the pictures of real rooms in FOLDER, whose faces.json says where their faces are.

    Recall by size, pose and light, false faces, lost tracks and cost come from the pictures and from clips made of
    them; all pictures take minutes. Without --detector all installed detectors are measured.
    """
    from tests.bench.scenes import report, run
    from tests.bench.scenes.truth import load

    if plot is not None:
        from tests.bench.scenes.plot import require

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
        from tests.bench.scenes.plot import draw

        draw(scores, plot)


def _setups(settings: Settings, names: Sequence[str]) -> tuple[list[Setup], list[SkippedSetup]]:
    from tests.bench.scenes.setups import DETECTORS, detectors, prepare

    setups, skipped = prepare(detectors(names or DETECTORS), settings.load)
    if not setups:
        raise ConfigError(*(f"{item.name} cannot be measured: {item.reason}" for item in skipped))
    return setups, skipped
