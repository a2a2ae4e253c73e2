"""Charts of a prior's cost and benefit and of calibration errors by view, drawn from a manifest alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from converter import plots
from converter.calibration.views import bound_of

if TYPE_CHECKING:
    from edge.inference.calibration import Certainty, Prior


def prior(found: Prior, title: str) -> bytes:
    """Plot accuracy against balanced accuracy over the adjustment's strength, and the recall of each label."""
    figure, (left, right) = plots.new_figure(10, 4.2, 2)
    scores = found.scores
    strengths = [score.strength for score in scores]
    for name in ("accuracy", "balanced_accuracy"):
        values = [100 * getattr(score, name) for score in scores]
        left.plot(strengths, values, "o-", markersize=4, label=name.replace("_", " "))
    for label in scores[0].recall:
        right.plot(strengths, [100 * (score.recall[label] or 0) for score in scores], "o-", markersize=3, label=label)
    for axes in (left, right):
        axes.axvline(found.audience, color="grey", linestyle="--", linewidth=1)
    left.set_title(f"{title}\n{found.split}, n={scores[0].n}; dashed: audience", fontsize=10)
    plots.label_axes(left, "strength: 0 web, 1 even", "%", legend=True)
    plots.label_axes(right, "strength: 0 web, 1 even", "recall, %", legend=False)
    right.legend(fontsize=8)
    return plots.to_png(figure)


def errors(found: Certainty, title: str) -> bytes:
    """Plot the expected calibration error of each view, with one temperature for all faces and with one for each."""
    figure, (axes,) = plots.new_figure(8, 0.24 * len(found.errors) + 1.4, 1)
    names = list(found.errors)[::-1]
    for index, (what, marker) in enumerate((("one temperature", "o"), ("a temperature for each face", "s"))):
        axes.plot([100 * found.errors[name][index] for name in names], range(len(names)), marker, label=what)
    bounds = [100 * bound_of(name) for name in names]
    axes.plot(bounds, range(len(names)), "|", color="grey", markersize=12, label="asked for")
    axes.set_yticks(range(len(names)), names, fontsize=7)
    axes.set_xlim(0)
    axes.set_title(f"{title}\n{found.split}", fontsize=10)
    plots.label_axes(axes, "expected calibration error, %", "", legend=True)
    return plots.to_png(figure)
