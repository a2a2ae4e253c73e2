"""``face-convert evaluate``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from converter.cli import options

if TYPE_CHECKING:
    from converter.evaluate import Evaluation


@click.command()
@click.option("--model", type=click.Path(path_type=Path), required=True, metavar="FILE", help="A .tflite or a .ckpt.")
@options.data
@options.split
@click.option("--out", type=click.Path(path_type=Path), metavar="DIR", help="Plots of confusion and calibration.")
@options.as_json
def evaluate(model: Path, data: Path, split: str, out: Path | None, *, as_json: bool) -> None:
    """Measure a model on one split, one view, every head against its own labels."""
    from converter.datasets import fer2013
    from converter.evaluate import draw
    from converter.evaluate import evaluate as run

    faces = fer2013.load(data, split)
    found = run(model, faces, split)
    if out is not None:
        draw(found, faces, out)
    print(json.dumps(found.as_dict(), indent=2) if as_json else _table(found))


def _table(found: Evaluation) -> str:
    lines = [f"{found.model} on {found.split}, {found.precision}, one view"]
    for head in found.as_dict()["heads"]:
        lines += [
            f"{head['head']} head against {head['labels']} labels, n={head['n']}",
            f"  accuracy {head['accuracy']:.1%}, top two {head['top2']:.1%}",
            f"  balanced accuracy {head['balanced_accuracy']:.1%}, macro F1 {head['macro_f1']:.3f}",
            f"  calibration error {head['ece_raw']:.1%}, with temperature {head['temperature']:g} {head['ece']:.1%}",
            "  recall " + ", ".join(f"{name} {_percent(value)}" for name, value in head["recall"].items()),
        ]
    return "\n".join(lines)


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:.0%}"
