"""``face-convert quantize``."""

from __future__ import annotations

from pathlib import Path

import click

from converter.cli import options
from converter.cli.data import training_and_validation


@click.command()
@click.option("--checkpoint", type=click.Path(path_type=Path), required=True, metavar="FILE", help="A .ckpt of train.")
@options.data
@options.votes
@click.option("--out", type=click.Path(path_type=Path), required=True, metavar="FILE", help="The .tflite to write.")
@click.option("--per-class", type=click.IntRange(1), default=64, show_default=True, help="Calibration pictures.")
@click.option("--seed", type=int, default=1, show_default=True, help="Of pictures and fine-tuning.")
@click.option("--crop-margin", type=float, default=0.0, show_default=True, help="See face-convert crop-margin.")
@click.option(
    "--fine-tune", type=click.IntRange(0), default=0, metavar="EPOCHS", help="Train under int8's rounding first."
)
@click.option("--model-version", default="1", show_default=True)
def quantize(
    *,
    checkpoint: Path,
    data: Path,
    votes: Path | None,
    out: Path,
    per_class: int,
    seed: int,
    crop_margin: float,
    fine_tune: int,
    model_version: str,
) -> None:
    """Convert a checkpoint to a full int8 model with its manifest.

    Where int8 is more than 0.3 points less right than float, three epochs of --fine-tune let the network learn to live
    with the rounding.
    """
    from converter.quantization.convert import Settings, convert

    if out.suffix != ".tflite":
        msg = f"--out: expected a file ending in .tflite, found {out.name}"
        raise click.UsageError(msg)
    training, validation = training_and_validation(data, votes)
    settings = Settings(per_class, seed, crop_margin, version=model_version, fine_tune=fine_tune)
    made = convert(checkpoint, training, validation, out, settings)
    print(f"{out}: {out.stat().st_size / 1e6:.2f} MB, {made.training.macs / 1e6:.0f} MMAC, sha256 {made.sha256[:12]}…")
    for score in made.scores:
        print(f"  {score.head:10} {score.precision:5} {score.split} n={score.n}: {100 * score.accuracy:.1f} %")
    for head, found in made.training.quantization["against_float"].items():
        agree, largest, mean = (100 * found[name] for name in ("agreement", "largest_shift", "mean_shift"))
        print(f"  {head:10} int8 agrees on {agree:.1f} %; shares shift by {mean:.2f} points, at most by {largest:.1f}")
