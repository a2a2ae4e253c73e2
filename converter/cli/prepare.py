"""Command ``face-convert prepare``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from converter.cli import options
from converter.cli.data import seen
from converter.progress import say

if TYPE_CHECKING:
    from collections.abc import Mapping

    from converter.cli.data import DataChoice
    from converter.datasets import FaceSet
    from converter.prepare.examine import DataExamination


@click.command()
@options.dataset
@click.option("--out", type=click.Path(path_type=Path), required=True, metavar="DIR", help="Report, list, pictures.")
@options.as_json
def prepare(*, dataset: DataChoice, out: Path, as_json: bool) -> None:
    """Check a data set and report its contents: counts, recurring pictures, blank and non-face pictures.

    Writes report.json, duplicates.csv, counts.png and training_rows_to_drop.txt, which belongs beside the data, and
    samples.png and doubtful-pairs.png, which show faces of the data set: do not publish these two. FER2013 takes about
    half a minute on one core. Data without a validation part is divided as in training.
    """
    from converter import datasets
    from converter.datasets.holdout import LEAST
    from converter.outputs import write_bytes
    from converter.prepare.examine import examine
    from converter.prepare.report import as_dict, lines, pair_table

    data, rule = dataset.path, dataset.rule
    splits = datasets.load_splits(data, votes=dataset.votes, drop_duplicates=False)
    if rule.is_requested or sum(len(splits[name]) for name in ("Training", "All") if name in splits) >= LEAST:
        splits = datasets.divided(splits, rule, data)
    for line in seen(splits):
        say(line, err=True)
    examination = examine(splits)
    figures = {"data": data.name, **as_dict(examination, datasets.listed_rows(data, splits))}
    text = json.dumps(figures, indent=2)
    write_bytes(out / "report.json", f"{text}\n".encode())
    write_bytes(out / "duplicates.csv", pair_table(examination).encode())
    if "Training" in splits:
        rows = "".join(f"{row}\n" for row in examination.rows_to_drop())
        write_bytes(out / datasets.drop_file(data).name, rows.encode())
    _draw(figures, examination, splits, out)
    print(text if as_json else "\n".join(lines(figures)))


def _draw(
    figures: Mapping[str, object], examination: DataExamination, splits: Mapping[str, FaceSet], out: Path
) -> None:
    from converter.outputs import write_bytes
    from converter.prepare.figures import class_counts, doubtful_pairs, samples

    write_bytes(out / "counts.png", class_counts(figures))
    split = next((name for name, faces in splits.items() if (faces.labels >= 0).any()), None)
    if split is not None:
        write_bytes(out / "samples.png", samples(splits[split], f"samples of {split}"))
    if len(examination.pairs):
        write_bytes(out / "doubtful-pairs.png", doubtful_pairs(examination))
