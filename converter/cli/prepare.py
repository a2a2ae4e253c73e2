"""``face-convert prepare``."""

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
    from converter.prepare.examine import Examination


@click.command()
@options.dataset
@click.option("--out", type=click.Path(path_type=Path), required=True, metavar="DIR", help="Report, list, pictures.")
@options.as_json
def prepare(*, dataset: DataChoice, out: Path, as_json: bool) -> None:
    """Check a data set and report what is in it: counts, recurring pictures, blanks, what is no face.

    Writes report.json, duplicates.csv, counts.png and training_rows_to_drop.txt, which belongs beside the data, and
    samples.png and doubtful-pairs.png, which show faces of the data set: keep these two to yourself. FER2013 takes
    about half a minute on one core. Data that has no part to choose by is divided as training divides it.
    """
    from converter import datasets
    from converter.datasets.holdout import LEAST
    from converter.outputs import write_bytes
    from converter.prepare.examine import examine
    from converter.prepare.report import as_dict, lines, pair_table

    data, rule = dataset.path, dataset.rule
    splits = datasets.load_splits(data, votes=dataset.votes, drop_duplicates=False)
    if rule.asked or sum(len(splits[name]) for name in ("Training", "All") if name in splits) >= LEAST:
        splits = datasets.divided(splits, rule, data)
    for line in seen(splits):
        say(line, err=True)
    found = examine(splits)
    figures = {"data": data.name, **as_dict(found, datasets.listed_rows(data, splits))}
    text = json.dumps(figures, indent=2)
    write_bytes(out / "report.json", f"{text}\n".encode())
    write_bytes(out / "duplicates.csv", pair_table(found).encode())
    if "Training" in splits:
        rows = "".join(f"{row}\n" for row in found.rows_to_drop())
        write_bytes(out / datasets.drop_file(data).name, rows.encode())
    _draw(figures, found, splits, out)
    print(text if as_json else "\n".join(lines(figures)))


def _draw(figures: Mapping[str, object], found: Examination, splits: Mapping[str, FaceSet], out: Path) -> None:
    from converter.outputs import write_bytes
    from converter.prepare.figures import class_counts, doubtful_pairs, samples

    write_bytes(out / "counts.png", class_counts(figures))
    split = next((name for name, faces in splits.items() if (faces.labels >= 0).any()), None)
    if split is not None:
        write_bytes(out / "samples.png", samples(splits[split], f"samples of {split}"))
    if len(found.pairs):
        write_bytes(out / "doubtful-pairs.png", doubtful_pairs(found))
