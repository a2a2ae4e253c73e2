"""Charts; each function returns a PNG."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np

from edge.core.types import EMOTIONS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray


def curves(rows: Sequence[Mapping[str, float]]) -> bytes:
    """Plot loss and accuracy over epochs, from rows of ``epoch``, ``*_loss``, ``train_<head>`` and ``val_<head>``."""
    figure, (left, right) = new_figure(10, 4, 2)
    epochs = [row["epoch"] for row in rows]
    heads = [n.removeprefix("val_") for n in rows[0] if n.startswith("val_") and n != "val_loss"] if rows else []
    for name in ("train_loss", "val_loss"):
        left.plot(epochs, [row.get(name, np.nan) for row in rows], label=name.replace("_", " "))
    for index, head in enumerate(heads):
        for stage, style, name in (("val", "-", head), ("train", ":", f"{head}, training views")):
            values = [100 * row.get(f"{stage}_{head}", np.nan) for row in rows]
            right.plot(epochs, values, style, color=f"C{index}", label=name)
    label_axes(left, "epoch", "loss", legend=bool(rows))
    label_axes(right, "epoch", "accuracy, %", legend=bool(heads))
    return to_png(figure)


def confusion(counts: NDArray[np.int64], title: str) -> bytes:
    """Plot the confusion matrix ``(7, 7)``, truth in rows, as shares of each true emotion in percent."""
    figure, (axes,) = new_figure(6, 5.4, 1)
    shares = 100 * counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=100)
    names = [emotion.value for emotion in EMOTIONS]
    axes.set_xticks(range(len(names)), names, rotation=45, ha="right")
    axes.set_yticks(range(len(names)), names)
    for (row, column), share in np.ndenumerate(shares):
        axes.text(column, row, f"{share:.0f}", ha="center", va="center", color="white" if share > 55 else "black")
    axes.set_title(title, fontsize=10)
    axes.set_xlabel("predicted")
    axes.set_ylabel("true")
    return to_png(figure)


def reliability(before: NDArray[np.float64], after: NDArray[np.float64], title: str) -> bytes:
    """Plot accuracy over confidence before and after temperature, from :func:`converter.measure.reliability`."""
    figure, (axes,) = new_figure(5, 4.6, 1)
    axes.plot([0, 1], [0, 1], color="grey", linewidth=1, linestyle="--")
    for rows, name in ((before, "before temperature"), (after, "after temperature")):
        filled = rows[rows[:, 0] > 0]
        axes.plot(filled[:, 1], filled[:, 2], marker="o", markersize=4, label=name)
    axes.set_title(title, fontsize=10)
    label_axes(axes, "confidence", "accuracy", legend=True)
    return to_png(figure)


def margins(margin: Sequence[float], accuracy: Mapping[str, Sequence[float]], mark: float) -> bytes:
    """Plot each head's accuracy over the crop margin, with the margin of FER2013's own framing marked."""
    figure, (axes,) = new_figure(6, 4, 1)
    for name, values in accuracy.items():
        axes.plot(margin, [100 * value for value in values], marker="o", markersize=4, label=name)
    axes.axvline(mark, color="grey", linestyle="--", linewidth=1, label=f"median framing, {mark:+.3f}")
    label_axes(axes, "margin on every side, share of the Haar box", "accuracy, %", legend=True)
    return to_png(figure)


def new_figure(width: float, height: float, columns: int, rows: int = 1) -> tuple[Any, list[Any]]:
    """Create a figure of ``width`` by ``height`` inches and return it with its axes, row by row."""
    from matplotlib.figure import Figure  # no pyplot: no window system, nothing global

    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, list(figure.subplots(rows, columns, squeeze=False).ravel())


def label_axes(axes: Any, x: str, y: str, *, legend: bool) -> None:
    """Set the names of the axes, a faint grid, and a legend if requested."""
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.grid(alpha=0.3)
    if legend:
        axes.legend()


def to_png(figure: Any) -> bytes:
    """Return the figure as PNG bytes, deterministic for one version of matplotlib."""
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=110)
    return stream.getvalue()
