"""Plots beside a card, drawn from results and manifest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from converter.calibration import plots as calibration_plots
from converter.evaluation import figures
from converter.outputs import write_bytes
from edge.inference.manifest import AUTO

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from converter.card.shipped import ShippedModel

_PER_HEAD = {"confusion": "confusion", "reliability": "reliability"}


def draw(model: ShippedModel, out: Path) -> None:
    """Draw every plot that :func:`links` links into ``out``.

    Raises:
        InputError: the folder cannot be written.
    """
    figures.draw(model.results, out, f"{model.name}-")
    output = model.manifest.output(AUTO)
    title = f"{model.name}, {output.head} head"
    if output.prior is not None and output.prior.scores:
        picture = calibration_plots.prior(output.prior, title)
        write_bytes(out / f"{model.name}-prior-{output.head}.png", picture)
    if output.certainty is not None and output.certainty.errors:
        picture = calibration_plots.errors(output.certainty, title)
        write_bytes(out / f"{model.name}-errors-{output.head}.png", picture)


def links(models: Sequence[ShippedModel], folder: str) -> str:
    """Return a list of the plots of each model in ``folder``."""
    lines = [
        f"- {model.name}: " + ", ".join(f"[{words}]({folder}/{model.name}-{name}.png)" for name, words in _names(model))
        for model in models
    ]
    return "Plots:\n\n" + "\n".join(lines)


def _names(model: ShippedModel) -> Iterator[tuple[str, str]]:
    """Yield the end of each plot's name, and its content."""
    heads = sorted(model.heads)
    for name, words in _PER_HEAD.items():
        yield from ((f"{name}-{head}", f"{words} of `{head}`") for head in heads)
    if model.results["certainty"]:
        yield "certainty-consensus", "confidence by agreement"
    output = model.manifest.output(AUTO)
    if output.prior is not None and output.prior.scores:
        yield f"prior-{output.head}", f"prior of `{output.head}`"
    if output.certainty is not None and output.certainty.errors:
        yield f"errors-{output.head}", f"calibration error of `{output.head}` by view"
    if model.results["robustness"]:
        yield "robustness", "robustness"
    if model.results.get("groups"):
        yield "groups", "groups of faces"
