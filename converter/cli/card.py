"""Command ``face-convert card``."""

from __future__ import annotations

import os
from pathlib import Path

import click

from converter.cli import options
from converter.cli.data import rule_of
from edge.core.errors import InputError


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
@click.option("--data", type=click.Path(path_type=Path), metavar="PATH", help="Measure first; else use stored results.")
@options.votes
@options.split
@options.detector
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("models/README.md"), show_default=True, metavar="FILE"
)
@click.option("--plots", type=click.Path(path_type=Path), metavar="DIR", help="Draw the results there and link them.")
@click.option(
    "--fairness",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write a page with every figure by group of faces and link it.",
)
def card(
    *,
    models: tuple[Path, ...],
    data: Path | None,
    votes: Path | None,
    split: str,
    detector: Path | None,
    out: Path,
    plots: Path | None,
    fairness: Path | None,
) -> None:
    """Write the model card from manifests and measured results, which are stored beside each model."""
    if detector is not None and data is None:
        msg = "--detector measures pose: give the pictures with --data"
        raise click.UsageError(msg)
    from converter.card.fairness import page
    from converter.card.page import command, render
    from converter.card.plots import draw
    from converter.card.shipped import read
    from converter.outputs import write_bytes

    if data is not None:
        _measure(models, data, votes, split, detector)
    shipped = [read(model) for model in models]
    text = render(shipped, _seen_from(out, plots), _seen_from(out, fairness))
    if fairness is not None:
        again = command(shipped, plots=plots is not None, page=True)
        write_bytes(fairness, page(shipped, _seen_from(fairness, plots), again).encode())
    if plots is not None:
        for model in shipped:
            draw(model, plots)
    write_bytes(out, text.encode())
    print(f"{out}: {len(shipped)} models, {shipped[0].results['split']}")


def _seen_from(page: Path, place: Path | None) -> str | None:
    """Return the relative path from the folder of ``page`` to ``place``, as in links."""
    return None if place is None else Path(os.path.relpath(place, page.parent)).as_posix()


def _measure(models: tuple[Path, ...], data: Path, votes: Path | None, split: str, detector: Path | None) -> None:
    from converter import datasets
    from converter.card.shipped import results_path
    from converter.cli.evaluate import divided, opened, recurrence_of
    from converter.evaluation.results import results, to_json
    from converter.evaluation.subject import open_subject
    from converter.outputs import write_bytes

    subjects = [open_subject(model) for model in models]
    for model, subject in zip(models, subjects, strict=True):
        if subject.mapping is not None:
            msg = f"{model}: has custom classes: a card is for models of the usual seven"
            raise InputError(msg)
    finder = None if detector is None else opened(detector)
    rule, *others = [rule_of(subject.data) for subject in subjects]
    if any(other != rule for other in others):
        msg = "the models were selected on different parts of their data: write a card for each"
        raise InputError(msg)
    faces = datasets.load(data, split, votes=votes, rule=rule)
    recurs = recurrence_of(faces, data, split, rule)
    divisions = divided(faces, finder)
    for model, subject in zip(models, subjects, strict=True):
        found = results(subject, faces, split, recurrence=recurs, robust=True, by_group=divisions)
        write_bytes(results_path(model), to_json(found).encode())
