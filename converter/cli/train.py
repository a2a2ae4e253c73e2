"""``face-convert train``."""

from __future__ import annotations

from pathlib import Path

import click

from converter.cli import options


@click.command()
@options.data
@click.option("--out", type=click.Path(path_type=Path), required=True, metavar="DIR", help="Checkpoints and curves.")
@click.option("--architecture", default="plain", show_default=True, help="Name of the network.")
@click.option("--epochs", type=click.IntRange(1), default=45, show_default=True)
@click.option("--batch-size", type=click.IntRange(2), default=128, show_default=True)
@click.option("--seed", type=int, default=1, show_default=True)
def train(*, data: Path, out: Path, architecture: str, epochs: int, batch_size: int, seed: int) -> None:
    """Train a network; run again, it goes on where it was stopped."""
    from converter.datasets import fer2013
    from converter.train import Recipe
    from converter.train import train as run

    recipe = Recipe(architecture=architecture, epochs=epochs, batch_size=batch_size, seed=seed)
    training, validation = fer2013.load(data, "Training"), fer2013.load(data, "PublicTest")
    print(f"{len(training)} pictures to learn from, {len(validation)} to choose by")
    print(f"best checkpoint: {run(training, validation, out, recipe)}")
