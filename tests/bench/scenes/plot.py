"""Draw a run's result: recall by size for each setup, and beside it what each costs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edge.core.errors import HardwareUnavailable, InputError
from edge.system.installation import adding
from edge.util.files import replacing
from tests.bench.scenes.figures import BIN_NAMES
from tests.bench.scenes.report import sections

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.bench.scenes.run import SetupScore

FORMATS = (".svg", ".png", ".pdf")
_COLOURS = ("#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377")
"""Paul Tol's "bright" scheme, one for each setup."""
_STYLES = ("o-", "s--", "D-.", "^:", "v-", "P--")
"""Markers and dashes: setups that find the same faces lie on each other."""
_SIZE_INCHES = (10.0, 4.0)
_SETTINGS = {"svg.hashsalt": "face-edge", "svg.fonttype": "path"}


def require(path: Path) -> None:
    """Check before the measurement that a plot can be drawn.

    Raises:
        InputError: the file's folder is missing, or its suffix names no format for plots.
        HardwareUnavailable: matplotlib is not installed.
    """
    if path.suffix.lower() not in FORMATS:
        msg = f"{path}: expected a file name that ends with {', '.join(FORMATS)}"
        raise InputError(msg)
    if not path.parent.is_dir():
        msg = f"{path.parent}: is no folder"
        raise InputError(msg)
    _figure_class()


def draw(scores: Sequence[SetupScore], path: Path) -> None:
    """Write the plot.

    Raises:
        HardwareUnavailable: matplotlib is not installed.
    """
    figure_class = _figure_class()
    import matplotlib as mpl

    with mpl.rc_context(_SETTINGS):
        figure = figure_class(figsize=_SIZE_INCHES, dpi=150, layout="constrained")
        recall, cost = figure.subplots(1, 2, width_ratios=(3, 2))
        for index, score in enumerate(scores):
            _recall(recall, score, index)
        recall.set(xlabel="size of the face, of the picture's shorter side", ylabel="faces found, %", ylim=(0, 102))
        recall.set_xticks(range(len(BIN_NAMES)), BIN_NAMES, fontsize="small")
        recall.set_title("Still pictures: recall by size")
        recall.grid(axis="y", alpha=0.3)
        recall.legend(frameon=False, loc="lower right")
        _costs(cost, scores)
        with replacing(path) as temporary:
            figure.savefig(temporary, metadata={"Date": None} if path.suffix.lower() == ".svg" else None)


def _recall(axes: Any, score: SetupScore, index: int) -> None:
    if score.stills is None:
        return
    shares = [recall.share for recall in score.stills.sizes]
    heights = [float("nan") if share is None else 100 * share for share in shares]
    colour, style = _COLOURS[index % len(_COLOURS)], _STYLES[index % len(_STYLES)]
    axes.plot(range(len(heights)), heights, style, color=colour, label=score.setup.name)


def _costs(axes: Any, scores: Sequence[SetupScore]) -> None:
    """Plot CPU milliseconds per frame of live video, or per picture without clips."""
    title = "clips" if any("clips" in sections(score) for score in scores) else "stills"
    costs = [
        next((figure.value or 0.0 for figure in sections(score).get(title, []) if figure.key == "cpu_ms"), 0.0)
        for score in scores
    ]
    bars = axes.barh(range(len(costs)), costs, color=[_COLOURS[index % len(_COLOURS)] for index in range(len(costs))])
    axes.bar_label(bars, [f"{cost:.1f} ms" for cost in costs], padding=4)
    axes.set_yticks(range(len(costs)), [score.setup.name for score in scores])
    axes.invert_yaxis()
    axes.margins(x=0.25)
    axes.set(xlabel=f"ms of processor a {'frame' if title == 'clips' else 'picture'}")
    axes.set_title("Live pictures: cost" if title == "clips" else "Still pictures: cost")


def _figure_class() -> Any:
    try:
        from matplotlib.figure import Figure
    except ImportError:
        msg = f"plots need matplotlib: {adding('reports')}"
        raise HardwareUnavailable(msg) from None
    return Figure
