"""``face-convert card``."""

from __future__ import annotations

import os
from pathlib import Path

import click

from converter.cli import options
from converter.cli.data import rule_of
from edge.errors import InputError


@click.command()
@click.option(
    "--model",
    "models",
    type=click.Path(path_type=Path),
    required=True,
    multiple=True,
    metavar="FILE",
    help="A .tflite; give the option again for models side by side.",
)
@click.option("--data", type=click.Path(path_type=Path), metavar="PATH", help="Measure first; else take kept results.")
@options.votes
@options.split
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("models/README.md"), show_default=True, metavar="FILE"
)
@click.option("--plots", type=click.Path(path_type=Path), metavar="DIR", help="Draw the results there and link them.")
def card(
    *, models: tuple[Path, ...], data: Path | None, votes: Path | None, split: str, out: Path, plots: Path | None
) -> None:
    """Write the model card from manifests and measured results, which are kept beside each model."""
    from converter.card.page import render
    from converter.card.shipped import read
    from converter.evaluation.figures import draw
    from converter.outputs import write_bytes

    if data is not None:
        _measure(models, data, votes, split)
    shipped = [read(model) for model in models]
    text = render(shipped, None if plots is None else Path(os.path.relpath(plots, out.parent)).as_posix())
    if plots is not None:
        for model in shipped:
            draw(model.results, plots, f"{model.name}-")
    write_bytes(out, text.encode())
    print(f"{out}: {len(shipped)} models, {shipped[0].results['split']}")


def _measure(models: tuple[Path, ...], data: Path, votes: Path | None, split: str) -> None:
    from converter import datasets
    from converter.card.shipped import results_path
    from converter.cli.evaluate import recurrence_of
    from converter.evaluation.results import results, to_json
    from converter.evaluation.subject import open_subject
    from converter.outputs import write_bytes

    subjects = [open_subject(model) for model in models]
    for model, subject in zip(models, subjects, strict=True):
        if subject.mapping is not None:
            msg = f"{model}: has classes of its own: a card is for models of the usual seven"
            raise InputError(msg)
    rule, *others = [rule_of(subject.data) for subject in subjects]
    if any(other != rule for other in others):
        msg = "the models were chosen by different parts of their data: write a card for each"
        raise InputError(msg)
    faces = datasets.load(data, split, votes=votes, rule=rule)
    recurs = recurrence_of(faces, data, split, rule)
    for model, subject in zip(models, subjects, strict=True):
        found = results(subject, faces, split, recurrence=recurs, robust=True)
        write_bytes(results_path(model), to_json(found).encode())
