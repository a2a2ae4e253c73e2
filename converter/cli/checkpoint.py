"""Command ``face-convert checkpoint``."""

from __future__ import annotations

from pathlib import Path

import click

from converter.cli import options
from converter.cli.data import rule_of, training_and_validation


@click.command()
@click.option("--model", type=click.Path(path_type=Path), required=True, metavar="FILE", help="A .tflite of quantize.")
@options.data
@options.votes
@click.option("--out", type=click.Path(path_type=Path), required=True, metavar="FILE", help="The .ckpt to write.")
def checkpoint(*, model: Path, data: Path, votes: Path | None, out: Path) -> None:
    """Recover a checkpoint from an int8 model, so that training can start from its weights.

    The network agrees with the int8 model except for int8 rounding; the agreement is measured on PublicTest and
    printed. Pictures of the training split provide the statistics of its batch norms.
    """
    from converter.quantization.recover import agreement, recovered
    from converter.training import checkpoint as checkpoints
    from edge.inference.manifest import load

    options.refuse_suffix(out, ".ckpt")
    training, validation = training_and_validation(data, votes, rule_of(load(model).training.data))
    trained, notes = recovered(model, training.pixels)
    checkpoints.save(out, trained, notes)
    print(f"{out}: {trained.recipe.architecture}, {out.stat().st_size / 1e6:.1f} MB")
    for head, share in agreement(model, trained, validation.pixels).items():
        print(f"  {head:10} agrees with {model.name} on {100 * share:.1f} % of {len(validation)} pictures")
