"""Command ``face-convert crop-alignment``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from converter.cli import options
from converter.cli.data import rule_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


@click.command("crop-alignment")
@click.option("--model", type=click.Path(path_type=Path), required=True, metavar="FILE", help="A .tflite.")
@options.data
@options.votes
@options.split
@click.option("--detector", type=click.Path(path_type=Path), required=True, metavar="FILE", help="YuNet's .onnx file.")
@click.option(
    "--enlarge",
    type=click.IntRange(1, 10),
    default=3,
    show_default=True,
    help="Size of the faces in the searched pictures, in units of 48 pixels.",
)
@options.as_json
def crop_alignment(
    *, model: Path, data: Path, votes: Path | None, split: str, detector: Path, enlarge: int, as_json: bool
) -> None:
    """Measure accuracy on tilted faces, cropped unchanged and turned upright by the eyes."""
    from converter import crop_alignment as measuring
    from converter import datasets
    from converter.runner import ModelRunner

    runner = ModelRunner(model)
    finder = measuring.open_detector(detector, enlarge)
    faces = datasets.load(data, split, votes=votes, rule=rule_of(runner.manifest.training.data))
    figures = {
        "split": split,
        "pictures": len(faces),
        "size": 48 * enlarge,
        "tilts": measuring.by_tilt(runner, finder, faces, enlarge=enlarge),
        "box": measuring.by_factor(runner, finder, faces, enlarge=enlarge),
    }
    print(json.dumps(figures, indent=2) if as_json else "\n".join(_table(figures)))


def _table(figures: Mapping[str, Any]) -> Iterator[str]:
    heads = list(figures["box"]["uncropped"])
    split, n, size = (figures[name] for name in ("split", "pictures", "size"))
    yield f"{split}, {n} pictures with faces of {size} pixels; accuracy of {', '.join(heads)}"
    yield "tilt     found  read off the eyes      never turned       always             as on the device"
    for row in figures["tilts"]:
        low, middle, high = row["read_quartiles"]
        read = f"{middle:.1f} ({low:.1f} to {high:.1f})"
        cells = "   ".join(_cells(row["heads"][turning]) for turning in ("never", "always", "device"))
        yield f"{row['tilt']:3} deg  {row['n']:5}  {read:21}  {cells}"
    yield f"factor on the box, upright pictures, n={figures['box']['n']}"
    for row in figures["box"]["factors"]:
        yield f"{row['factor']:.2f}       {_cells(row['heads'])}"
    yield f"as it is   {_cells(figures['box']['uncropped'])}"


def _cells(heads: Mapping[str, float]) -> str:
    return " ".join(f"{value:7.2%}" for value in heads.values())
