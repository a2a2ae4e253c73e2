"""Chart of the curves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edge.bench.measure import STAGES
from edge.core.errors import HardwareUnavailable
from edge.system.installation import adding

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_COLOURS = ("#bbbbbb", "#4477aa", "#66ccee", "#228833", "#ccbb44", "#ee6677", "#aa3377", "#882255", "#000000")
"""Paul Tol's "bright" scheme and one of his "muted" one, one for each stage."""
_SIZE_INCHES = (10.0, 4.0)


def draw(results: dict[str, list[dict[str, Any]]], folder: Path) -> Path:
    """Write ``performance-cost.png`` to ``folder``.

    Raises:
        HardwareUnavailable: matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        msg = f"plots need matplotlib: {adding('reports')}"
        raise HardwareUnavailable(msg) from None
    figure = Figure(figsize=_SIZE_INCHES, dpi=150, layout="constrained")
    faces, sizes = figure.subplots(1, 2)
    rows = results["faces"]
    _stack(faces, [row["faces"] for row in rows], rows)
    faces.set(xlabel=f"faces, in {rows[0]['width']} x {rows[0]['height']}", ylabel="ms of processor a frame")
    faces.set_title("Our loop against the number of faces")
    faces.legend(loc="upper left", frameon=False, fontsize="small")
    rows = results["sizes"]
    megapixels = [row["width"] * row["height"] / 1e6 for row in rows]
    sizes.plot(megapixels, [row["obvious_ms"] for row in rows], "o--", color="#ee6677", label="obvious loop")
    sizes.plot(megapixels, [sum(row["stages_ms"].values()) for row in rows], "o-", color="#4477aa", label="our loop")
    for x, row in zip(megapixels, rows, strict=True):
        ratio = row["obvious_ms"] / sum(row["stages_ms"].values())
        sizes.annotate(f"{ratio:.0f}x", (x, row["obvious_ms"]), textcoords="offset points", xytext=(6, -12))
    sizes.set(xlabel=f"megapixels, {rows[0]['faces']} faces", ylabel="ms of processor a frame", yscale="log")
    sizes.set_title("Against the size of the picture")
    sizes.legend(frameon=False)
    sizes.margins(x=0.16)
    path = folder / "performance-cost.png"
    figure.savefig(path)
    return path


def _stack(axes: Any, x: Sequence[float], rows: Sequence[dict[str, Any]]) -> None:
    heights = [[row["stages_ms"][stage] for row in rows] for stage in STAGES]
    axes.stackplot(x, heights, labels=STAGES, colors=_COLOURS)
    axes.margins(x=0)
