"""Output of a comparison: tables as Markdown and CSV, and a plot."""

from __future__ import annotations

import csv
import io
import platform
from pathlib import Path
from typing import TYPE_CHECKING, Any

from converter.heads import HEADS
from converter.plots import label_axes, new_figure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from converter.comparison.compare import ComparisonRow

_CPU_INFO = Path("/proc/cpuinfo")
_PARAMETERS_A_POINT = 8000
"""Area of a marker in square points."""
COLUMNS = (
    "network",
    "epochs",
    "parameters",
    "MMAC",
    "int8 kB",
    *(f"{head} {precision} %" for head in HEADS for precision in ("float", "int8")),
    "float ms",
    "int8 ms",
)


def cells(row: ComparisonRow) -> tuple[str, ...]:
    """Return one row under :data:`COLUMNS`."""
    accuracies = (
        "" if (share := found.get(head)) is None else f"{100 * share:.1f}"
        for head in HEADS
        for found in (row.float_accuracy, row.int8_accuracy)
    )
    return (
        row.name,
        str(row.epochs),
        f"{row.parameters:,}",
        f"{row.macs / 1e6:.1f}",
        f"{row.size / 1000:.0f}",
        *accuracies,
        "" if row.float_ms is None else f"{row.float_ms:.2f}",
        f"{row.int8_ms:.2f}",
    )


def markdown(rows: Sequence[ComparisonRow], caption: str) -> str:
    """Return a Markdown table with the caption above it."""
    lines = [caption, "", _line(COLUMNS), _line(["---", *["---:"] * (len(COLUMNS) - 1)])]
    return "\n".join([*lines, *(_line(cells(row)) for row in rows)]) + "\n"


def comma_separated(rows: Sequence[ComparisonRow]) -> str:
    """Return the table as CSV."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    writer.writerows(cells(row) for row in rows)
    return text.getvalue()


def draw(rows: Sequence[ComparisonRow], machine: str) -> Any:
    """Plot accuracy of the ``fer2013`` head over cost and over time: int8, marker area by parameters."""
    from adjustText import adjust_text
    from matplotlib.ticker import LogLocator

    figure, sides = new_figure(11, 4.8, 2)
    accuracy = [100 * row.int8_accuracy["fer2013"] for row in rows]
    for axes, label, cost in (
        (sides[0], "million multiply-accumulates a face", [row.macs / 1e6 for row in rows]),
        (sides[1], f"milliseconds a face, int8, one thread\n{machine}", [row.int8_ms for row in rows]),
    ):
        axes.scatter(cost, accuracy, s=[row.parameters / _PARAMETERS_A_POINT for row in rows], alpha=0.45)
        axes.scatter(cost, accuracy, s=8, color="black")
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_major_formatter("{x:g}")
        axes.xaxis.set_minor_formatter("")
        axes.margins(0.15)
        label_axes(axes, label, "accuracy on PublicTest, original labels, %", legend=False)
    figure.draw_without_rendering()  # labels are placed by the final positions of the markers
    figure.set_layout_engine("none")
    for axes, cost in zip(sides, ([row.macs / 1e6 for row in rows], [row.int8_ms for row in rows]), strict=True):
        texts = [axes.text(x, y, row.name, fontsize=9) for x, y, row in zip(cost, accuracy, rows, strict=True)]
        adjust_text(texts, x=cost, y=accuracy, ax=axes, arrowprops={"arrowstyle": "-", "color": "grey"})
    return figure


def machine_name() -> str:
    """Return the processor's name as the system reports it."""
    try:
        lines = _CPU_INFO.read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith(("model name", "Model")))
    return next(named, platform.processor() or platform.machine())


def _line(words: Sequence[str]) -> str:
    return "| " + " | ".join(words) + " |"
