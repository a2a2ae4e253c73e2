"""Command ``face-convert distill``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from converter.cli import options
from converter.cli.training import finish, machine, machine_options, prepared, recipe_options, refuse_both
from converter.progress import say
from converter.training.recipe import DISTILL_DEFAULTS

if TYPE_CHECKING:
    from converter.cli.data import DataChoice


@click.command()
@options.dataset
@click.option(
    "--teachers", type=click.Path(path_type=Path), required=True, metavar="DIR", help="Answers written by teach."
)
@click.option("--out", type=click.Path(path_type=Path), required=True, metavar="DIR", help="Checkpoints and curves.")
@click.option(
    "--distill-share",
    type=click.FloatRange(0, 1),
    default=DISTILL_DEFAULTS.distill_share,
    show_default=True,
    help="Weight of the teachers in the training target; the labels and votes have the rest.",
)
@click.option(
    "--distill-temperature", type=click.FloatRange(0.1), default=DISTILL_DEFAULTS.distill_temperature, show_default=True
)
@recipe_options(DISTILL_DEFAULTS)
@machine_options
def distill(
    *,
    dataset: DataChoice,
    teachers: Path,
    out: Path,
    start: Path | None,
    accelerator: str,
    devices: int,
    data_path: str,
    minutes: float | None,
    tensorboard: bool,
    **choices: Any,
) -> None:
    """Train a student on its teachers' vote, view by view; an interrupted run continues when started again."""
    from converter.training import budget
    from converter.training import teachers as answers
    from converter.training.checkpoint import name_of
    from converter.training.train import Recipe
    from converter.training.train import train as run

    refuse_both(minutes)
    names = answers.names(teachers)
    recipe = Recipe(**choices, teachers=names, start=name_of(start) if start else "")
    computer = machine(accelerator, devices, data_path)
    recipe = prepared(recipe, out, start=start, minutes=minutes, tensorboard=tensorboard, machine=computer)
    training, validation = dataset.read()
    stored = answers.load(teachers, training)
    say(f"{len(training)} pictures in {stored.views.count} views, teachers: {', '.join(stored.names)}")
    recipe = budget.resolve_epochs(recipe, out, minutes, (training, validation), machine=computer, teachers=stored)
    settings: dict[str, Any] = {"start": start, "machine": computer, "tensorboard": tensorboard}
    finish(run(training, validation, out, recipe, teachers=stored, **settings))
