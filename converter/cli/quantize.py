"""Command ``face-convert quantize``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from converter.cli import options
from converter.cli.data import rule_of, training_and_validation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edge.inference.manifest import Training


@click.command()
@click.option("--checkpoint", type=click.Path(path_type=Path), required=True, metavar="FILE", help="A .ckpt of train.")
@options.data
@options.votes
@click.option("--out", type=click.Path(path_type=Path), required=True, metavar="FILE", help="The .tflite to write.")
@click.option("--per-class", type=click.IntRange(1), default=64, show_default=True, help="Calibration pictures.")
@click.option("--seed", type=int, default=1, show_default=True, help="Seed of pictures and fine-tuning.")
@click.option("--crop-margin", type=float, default=0.0, show_default=True, help="See face-convert crop-margin.")
@click.option(
    "--fine-tune", type=click.IntRange(0), default=0, metavar="EPOCHS", help="Train under int8 rounding first."
)
@click.option("--model-version", default="1", show_default=True)
@click.option("--model-licence", default="", metavar="TEXT", help="Licence of the weights, for the manifest.")
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
    model_licence: str,
) -> None:
    """Convert a checkpoint to a full int8 model with its manifest.

    If a part of the data was held out in training, the same part is held out here.

    If int8 is more than 0.3 points less accurate than float, three epochs of --fine-tune let the network adapt to the
    rounding.
    """
    from converter import heads
    from converter.quantization.convert import QuantizationSettings, convert
    from converter.training.checkpoint import load

    options.refuse_suffix(out, ".tflite")
    trained = load(checkpoint)
    training, validation = training_and_validation(data, votes, rule_of(trained.data), mapping=trained.recipe.mapping)
    licence = " ".join(model_licence.split())
    settings = QuantizationSettings(
        per_class, seed, crop_margin, version=model_version, fine_tune=fine_tune, licence=licence
    )
    manifest = convert(checkpoint, training, validation, out, settings)
    size, macs = out.stat().st_size / 1e6, manifest.training.macs / 1e6
    print(f"{out}: {size:.2f} MB, {macs:.0f} MMAC, sha256 {manifest.sha256[:12]}…")
    print(f"  heads: {heads.summary([output.head for output in manifest.outputs])}")
    if manifest.face is not None:
        print("  face output: yes; face-convert calibrate fits the refusal to it")
    for line in _remarks(manifest.training):
        print(f"  {line}")
    for score in manifest.scores:
        print(f"  {score.head:10} {score.precision:5} {score.split} n={score.n}: {100 * score.accuracy:.1f} %")
    for head, found in manifest.training.quantization["against_float"].items():
        agree, largest, mean = (100 * found[name] for name in ("agreement", "largest_shift", "mean_shift"))
        print(f"  {head:10} int8 agrees on {agree:.1f} %; shares shift by {mean:.2f} points, at most by {largest:.1f}")


def _remarks(manifest: Training) -> Iterator[str]:
    """Yield remarks on the data that a model was trained on and measured with."""
    from converter.datasets.describe import missing_classes
    from converter.datasets.record import difference

    if not manifest.data:
        yield "the checkpoint does not record what it was trained on: the manifest says so"
        return
    absent = missing_classes(manifest.data)
    if absent:
        yield f"no picture that it was trained on shows {', '.join(absent)}"
    other = manifest.quantization.get("other_data")
    if other is not None:
        differs = difference(other, manifest.data)
        yield f"calibrated and measured on other data than it was trained on: in training, {differs}"
