"""Command ``face-convert crop-margin``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from converter.cli import options
from converter.cli.data import rule_of


@click.command("crop-margin")
@click.option("--model", type=click.Path(path_type=Path), required=True, metavar="FILE", help="A .tflite.")
@options.data
@options.votes
@options.split
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE", help="Plot of accuracy over margin, a .png.")
@options.as_json
def crop_margin(*, model: Path, data: Path, votes: Path | None, split: str, out: Path | None, as_json: bool) -> None:
    """Measure how Haar's boxes relate to the data set's framing, and accuracy against the crop margin."""
    from converter import crop_margin as measuring
    from converter import datasets
    from converter.outputs import write_bytes
    from converter.runner import ModelRunner

    runner = ModelRunner(model)
    faces = datasets.load(data, split, votes=votes, rule=rule_of(runner.manifest.training.data))
    seen = measuring.framing(faces)
    accuracy = measuring.accuracy_by_margin(runner, faces, seen)
    figures: dict[str, Any] = {
        "split": split,
        "framing": measuring.summary(seen),
        "margins": list(measuring.MARGINS),
        "accuracy": {head: [round(value, 4) for value in values] for head, values in accuracy.items()},
        "uncropped": {h: round(v, 4) for h, v in measuring.accuracy_uncropped(runner, faces, seen).items()},
    }
    if out is not None:
        from converter import plots

        write_bytes(out, plots.margins(measuring.MARGINS, accuracy, figures["framing"]["margin_quartiles"][1]))
    print(json.dumps(figures, indent=2) if as_json else _margins(figures))


def _margins(figures: dict[str, Any]) -> str:
    heads = list(figures["accuracy"])
    lines = [f"{name}: {value}" for name, value in figures["framing"].items()]
    lines.append("margin    " + "  ".join(f"{head:>10}" for head in heads))
    for row, margin in enumerate(figures["margins"]):
        cells = "  ".join(f"{figures['accuracy'][head][row]:10.1%}" for head in heads)
        lines.append(f"{margin:+6.2f}    {cells}")
    lines.append("as it is  " + "  ".join(f"{figures['uncropped'][head]:10.1%}" for head in heads))
    return "\n".join(lines)
