"""Charts of the results of an evaluation; none of them shows a picture of the data set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from converter import plots
from converter.evaluation import group_plots
from converter.evaluation.robustness import UNDISTURBED
from converter.outputs import write_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

_COLUMNS = 3
_FULL = 100


def draw(results: Mapping[str, Any], out: Path, prefix: str = "") -> None:
    """Write the ``results`` of :func:`converter.evaluation.results.results` as ``.png`` files into ``out``.

    ``confusion-<head>`` and ``reliability-<head>`` for every head, ``certainty-consensus``, ``robustness``,
    ``conditions`` and ``groups`` if they were measured; every name begins with ``prefix``.

    Raises:
        InputError: the folder cannot be written.
    """
    for name, picture in _pictures(results):
        write_bytes(out / f"{prefix}{name}.png", picture)


def _pictures(results: Mapping[str, Any]) -> Iterator[tuple[str, bytes]]:
    where = f"{results['split']}, {results['precision']}, one view"
    for head in results["heads"]:
        title = f"{results['model']}, {head['head']} head\n{where}, n={head['n']}"
        yield f"confusion-{head['head']}", plots.confusion(np.array(head["confusion"]), title)
        before, after = (np.array(head["reliability"][name]) for name in ("raw", "calibrated"))
        yield f"reliability-{head['head']}", plots.reliability(before, after, title)
    if results["certainty"]:
        title = f"{results['model']}, consensus head\n{where}, n={results['certainty']['n']}"
        yield "certainty-consensus", certainty(results["certainty"], title)
    if results["robustness"]:
        yield "robustness", robustness(results["robustness"], f"{results['model']}, {where}")
    if results.get("conditions"):
        yield "conditions", conditions(results["conditions"], f"{results['model']}, {where}")
    if results.get("groups"):
        yield "groups", group_plots.draw(results, f"{results['model']}, {where}, as a device answers")


def certainty(found: Mapping[str, Any], title: str) -> bytes:
    """Plot the network's confidence by the annotators' agreement: boxes of its quantiles, and the accuracy."""
    figure, (axes,) = plots.new_figure(6.4, 4.6, 1)
    bins = [row for row in found["agreement"] if row["n"]]
    names = ("whislo", "q1", "med", "q3", "whishi")
    axes.bxp(
        [dict(zip(names, row["confidence_quantiles"], strict=True)) for row in bins],
        positions=range(len(bins)),
        showfliers=False,
        widths=0.5,
    )
    for name, marker in (("confidence", "o"), ("accuracy", "s")):
        values = [np.nan if row[name] is None else row[name] for row in bins]
        axes.plot(range(len(bins)), values, marker=marker, markersize=4, label=f"mean {name}")
    labels = [f"{100 * row['over']:.0f}-{100 * row['up_to']:.0f} %\nn={row['n']}" for row in bins]
    axes.set_xticks(range(len(bins)), labels, fontsize=8)
    axes.set_ylim(0, 1.02)
    related = "" if found["spearman"] is None else f"\nrank correlation of the entropies {found['spearman']:.2f}"
    axes.set_title(title + related, fontsize=10)
    plots.label_axes(axes, "annotators who agree", "confidence (5, 25, 50, 75, 95 % of faces)", legend=True)
    return plots.to_png(figure)


def robustness(rows: Sequence[Mapping[str, Any]], title: str) -> bytes:
    """Plot accuracy over strength with its interval, a panel per kind of disturbance, a line per head."""
    kinds = list(dict.fromkeys(row["kind"] for row in rows if row["kind"] != UNDISTURBED))
    clean = [row for row in rows if row["kind"] == UNDISTURBED]
    lines = -(-len(kinds) // _COLUMNS)
    figure, axes = plots.new_figure(11, 3.4 * lines, _COLUMNS, lines)
    for panel, kind in zip(axes, kinds, strict=False):
        _panel(panel, [*clean, *(row for row in rows if row["kind"] == kind)], kind)
    for unused in axes[len(kinds) :]:
        unused.set_visible(False)
    axes[0].legend()
    figure.suptitle(title, fontsize=10)
    return plots.to_png(figure)


def conditions(rows: Sequence[Mapping[str, Any]], title: str) -> bytes:
    """Plot accuracy by the face's size, and by light with and without sensor noise: with and without corrections."""
    sizes = sorted({row["size"] for row in rows if row["light"] != _FULL})
    figure, axes = plots.new_figure(11, 3.4 * (1 + len(sizes)), 2, 1 + len(sizes))
    by_size = sorted((row for row in rows if row["light"] == _FULL and not row["noisy"]), key=lambda row: row["size"])
    _compare(axes[0], by_size, "size", "pixels of the face, full light")
    axes[0].legend(fontsize=8)
    axes[1].set_visible(False)
    for number, (size, noisy) in enumerate((size, noisy) for size in sizes for noisy in (False, True)):
        chosen = [row for row in rows if (row["size"], row["noisy"]) == (size, noisy)]
        noise = ", a sensor's noise" if noisy else ""
        _compare(axes[2 + number], chosen, "light", f"% of the light, face of {size} pixels{noise}")
    figure.suptitle(title, fontsize=10)
    return plots.to_png(figure)


def _compare(axes: Any, rows: Sequence[Mapping[str, Any]], by: str, name: str) -> None:
    places = range(len(rows))
    for number, head in enumerate(rows[0]["heads"] if rows else ()):
        for what, style, words in (("heads", "o-", head), ("plain", "o:", f"{head}, without corrections")):
            accuracy = [100 * row[what][head]["accuracy"] for row in rows]
            axes.plot(places, accuracy, style, color=f"C{number}", markersize=4, label=words)
        bounds = np.array([row["heads"][head]["interval"]["accuracy"] for row in rows])
        axes.fill_between(places, *(100 * bounds.T), color=f"C{number}", alpha=0.2, linewidth=0)
    axes.set_xticks(places, [f"{row[by]:g}" for row in rows])
    axes.set_ylim(0, 100)
    plots.label_axes(axes, name, "accuracy, %", legend=False)


def _panel(axes: Any, rows: Sequence[Mapping[str, Any]], kind: str) -> None:
    places = range(len(rows))
    for number, head in enumerate(rows[0]["heads"]):
        found = [row["heads"][head] for row in rows]
        bounds = np.array([row["interval"]["accuracy"] for row in found])
        axes.plot(places, [100 * row["accuracy"] for row in found], "o-", color=f"C{number}", markersize=4, label=head)
        axes.fill_between(places, *(100 * bounds.T), color=f"C{number}", alpha=0.2, linewidth=0)
    unit = rows[-1]["strength"].replace(f"{rows[-1]['amount']:g}", "").strip()
    axes.set_xticks(places, [f"{row['amount']:g}" if row["amount"] else "-" for row in rows])
    axes.set_ylim(0, 100)
    plots.label_axes(axes, f"{kind}, {unit}", "accuracy, %", legend=False)
