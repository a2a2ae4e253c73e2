"""Command ``face-convert train``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from converter.cli import options
from converter.cli.training import (
    augmentation_option,
    finish,
    machine,
    machine_options,
    prepared,
    recipe_options,
    refuse_both,
)
from converter.progress import say
from converter.training.recipe import Recipe

if TYPE_CHECKING:
    from converter.cli.data import DataChoice


@click.command()
@options.dataset
@click.option(
    "--labels",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Custom classes, made from those of the data: TOML or JSON, as in docs/examples/labels-three.toml.",
)
@click.option("--out", type=click.Path(path_type=Path), required=True, metavar="DIR", help="Checkpoints and curves.")
@recipe_options(Recipe())
@augmentation_option(Recipe())
@machine_options
def train(
    *,
    dataset: DataChoice,
    labels: Path | None,
    out: Path,
    start: Path | None,
    accelerator: str,
    devices: int,
    data_path: str,
    minutes: float | None,
    tensorboard: bool,
    **choices: Any,
) -> None:
    """Train a network on the labels and votes; an interrupted run continues when started again."""
    from converter.datasets.mapping import read_mapping
    from converter.training import budget
    from converter.training.checkpoint import name_of
    from converter.training.train import train as run

    refuse_both(minutes)
    mapping = None if labels is None else read_mapping(labels)
    choices["labels"] = "" if mapping is None else mapping.to_json()
    computer = machine(accelerator, devices, data_path)
    recipe = Recipe(**choices, start=name_of(start) if start else "")
    recipe = prepared(recipe, out, start=start, minutes=minutes, tensorboard=tensorboard, machine=computer)
    training, validation = replace(dataset, mapping=mapping).read()
    say(f"{len(training)} training pictures, {len(validation)} validation pictures")
    recipe = budget.resolve_epochs(recipe, out, minutes, (training, validation), machine=computer)
    finish(run(training, validation, out, recipe, start=start, machine=computer, tensorboard=tensorboard))
