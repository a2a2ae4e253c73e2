"""Command ``face-convert learning-rate``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from converter.cli import options
from converter.cli.training import accelerator_option, optimizer_option
from converter.training.recipe import Recipe

if TYPE_CHECKING:
    from converter.cli.data import DataChoice


@click.command("learning-rate")
@options.dataset
@click.option("--architecture", default=Recipe().architecture, show_default=True, help="Name of the network.")
@click.option("--batch-size", type=click.IntRange(2), default=Recipe().batch_size, show_default=True)
@optimizer_option(Recipe().optimizer)
@click.option("--seed", type=int, default=1, show_default=True)
@accelerator_option()
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE", help="Draw the loss over the rate: a .png.")
def learning_rate(
    *,
    dataset: DataChoice,
    architecture: str,
    batch_size: int,
    optimizer: str,
    seed: int,
    accelerator: str,
    out: Path | None,
) -> None:
    """Suggest a learning rate, from a hundred steps under a growing rate.

    The suggestion is where the loss falls fastest, which is a cautious rate for long runs.
    """
    from converter.architectures import build
    from converter.outputs import write_bytes
    from converter.training.rate_finder import find_rate
    from converter.training.train import Machine

    if out is not None:
        options.refuse_suffix(out, ".png")
    build(architecture)
    training, _ = dataset.read()
    recipe = Recipe(architecture=architecture, batch_size=batch_size, optimizer=optimizer, seed=seed)
    found = find_rate(training, recipe, Machine(accelerator))
    if out is not None:
        write_bytes(out, found.plot())
    if found.suggestion is None:
        print(f"no suggestion: in {len(found.rates)} steps the loss fell nowhere; look at the plot (--out)")
    else:
        print(f"suggested: --learning-rate {found.suggestion:.2g}")
