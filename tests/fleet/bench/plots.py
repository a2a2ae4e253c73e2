"""Two charts of the results: the collectors' throughput, and the cost of a growing fleet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edge.core.errors import HardwareUnavailable, InputError
from edge.system.installation import adding

if TYPE_CHECKING:
    from pathlib import Path

_COLOURS = {"broker": "#4477aa", "collectors": "#228833", "database": "#ccbb44", "simulator": "#bbbbbb"}
"""Paul Tol's "bright" scheme, which is distinguishable with colour vision deficiency."""
_SIZE_INCHES = (9.0, 3.6)


def draw(results: dict[str, Any], folder: Path) -> list[Path]:
    """Write PNG files of ``results``.

    Raises:
        InputError: there is nothing to draw.
        HardwareUnavailable: matplotlib is not installed.
    """
    drawers = {"throughput": _throughput, "scale": _scale}
    found = {name: rows for name, rows in results.items() if name in drawers}
    if not found:
        msg = "--out: no results to draw: run throughput or scale first"
        raise InputError(msg)
    try:
        from matplotlib.figure import Figure
    except ImportError:
        msg = f"plots need matplotlib: {adding('reports')}"
        raise HardwareUnavailable(msg) from None
    paths = []
    for name, rows in found.items():
        figure = Figure(figsize=_SIZE_INCHES, dpi=150, layout="constrained")
        drawers[name](figure.subplots(1, 2), rows)
        paths.append(folder / f"fleet-{name}.png")
        figure.savefig(paths[-1])
    return paths


def _throughput(axes: Any, rows: list[dict[str, Any]]) -> None:
    rates, costs = axes
    labels = [str(row["collectors"]) for row in rows]
    bars = rates.bar(labels, [row["events_per_s"] for row in rows], color=_COLOURS["collectors"], width=0.6)
    rates.bar_label(bars, fmt="{:,.0f}")
    rates.set(xlabel="collectors", ylabel="events per second", title="Written from a backlog")
    rates.margins(y=0.15)
    bottom = [0.0] * len(rows)
    for part in ("broker", "collectors", "database"):
        heights = [1e6 * row["cpu_s"][part] / row["stored"] for row in rows]
        costs.bar(labels, heights, bottom=bottom, color=_COLOURS[part], label=part, width=0.6)
        bottom = [low + height for low, height in zip(bottom, heights, strict=True)]
    costs.set(xlabel="collectors", ylabel="CPU microseconds per event", title="What an event costs, start included")
    costs.margins(y=0.35)
    costs.legend(ncols=3, loc="upper center", frameon=False)


def _scale(axes: Any, rows: list[dict[str, Any]]) -> None:
    costs, latencies = axes
    devices = [row["devices"] for row in rows]
    for part, colour in _COLOURS.items():
        percents = [row["cost"][part]["cpu_percent"] for row in rows]
        costs.plot(devices, percents, "o-", color=colour, label=part)
    costs.set(
        xscale="log", xlabel="devices", ylabel="CPU, % of one core", title="Cost as the fleet grows", ylim=(0, None)
    )
    costs.legend(frameon=False)
    for share, style in (("p50", "-"), ("p95", "--"), ("p99", ":")):
        values = [row["verdict"][f"latency_{share}_ms"] for row in rows]
        latencies.plot(devices, values, f"o{style}", color=_COLOURS["broker"], label=share)
    latencies.set(xscale="log", xlabel="devices", ylabel="milliseconds", title="From event to commit", ylim=(0, None))
    latencies.legend(frameon=False)
    for axis in axes:
        axis.set_xticks(devices, [f"{count:,}" for count in devices])
        axis.minorticks_off()
