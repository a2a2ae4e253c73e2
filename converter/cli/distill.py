"""``face-convert distill``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from converter.cli import options
from converter.cli.data import training_and_validation
from converter.cli.training import machine, machine_options, recipe_options, say
from converter.training.recipe import DISTILL_DEFAULTS


@click.command()
@options.data
@options.votes
@click.option(
    "--teachers", type=click.Path(path_type=Path), required=True, metavar="DIR", help="Answers kept by teach."
)
@click.option("--out", type=click.Path(path_type=Path), required=True, metavar="DIR", help="Checkpoints and curves.")
@click.option(
    "--distill-share",
    type=click.FloatRange(0, 1),
    default=DISTILL_DEFAULTS.distill_share,
    show_default=True,
    help="Part of the teachers in what is learnt; the labels and votes have the rest.",
)
@click.option(
    "--distill-temperature", type=click.FloatRange(0.1), default=DISTILL_DEFAULTS.distill_temperature, show_default=True
)
@recipe_options(DISTILL_DEFAULTS)
@machine_options
def distill(
    *,
    data: Path,
    votes: Path | None,
    teachers: Path,
    out: Path,
    start: Path | None,
    accelerator: str,
    devices: int,
    **choices: Any,
) -> None:
    """Train a student on its teachers' vote, view by view; run again, it goes on where it was stopped."""
    from converter.training import teachers as answers
    from converter.training.train import Recipe
    from converter.training.train import train as run

    training, validation = training_and_validation(data, votes)
    found = answers.load(teachers, training)
    recipe = Recipe(**choices, teachers=found.names, start=start.parent.name if start else "")
    say(f"{len(training)} pictures in {found.views.count} views, teachers: {', '.join(found.names)}")
    best = run(training, validation, out, recipe, teachers=found, start=start, machine=machine(accelerator, devices))
    say(f"best checkpoint: {best}")
