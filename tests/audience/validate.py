"""Validate togetherness on simulated rooms: ``python -m tests.lab togetherness --plot FILE`` prints a table."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np

from edge.audience.togetherness import Togetherness, TogethernessMeter
from edge.cli.progress import Progress
from tests.audience.simulated_rooms import room

PEOPLE = (3, 5, 10, 20, 50)
TOGETHER = (0.0, 0.5, 1.0)
MINUTES_S = 60.0


@dataclass(frozen=True, slots=True)
class Row:
    """Figures of one kind of room: means over all windows, and shares of windows and of minutes above the null."""

    people: int
    together: float
    missing: float
    windows: int
    value: float
    null: float
    alarms: float
    within_a_minute: float


def windows(seed: int, people: int, seconds: float, *, together: float, missing: float) -> list[Togetherness]:
    """Measure one simulated room."""
    meter = TogethernessMeter(seed=seed)
    frames = room(seed, people, seconds, together=together, missing=missing)
    return [measured for frame in frames if (measured := meter.observe(frame)) is not None]


def row(people: int, together: float, missing: float, rooms: int) -> Row:
    """Measure ``rooms`` rooms of a minute of one kind."""
    minutes = [windows(seed, people, MINUTES_S, together=together, missing=missing) for seed in range(rooms)]
    flat = [measured for minute in minutes for measured in minute]
    return Row(
        people, together, missing, len(flat),
        float(np.mean([each.value for each in flat])), float(np.mean([each.null for each in flat])),
        float(np.mean([each.value > each.null for each in flat])),
        float(np.mean([any(each.value > each.null for each in minute) for minute in minutes])),
    )  # fmt: skip


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--rooms", type=click.IntRange(10, 10_000), default=100, show_default=True, help="Minutes of each kind.")
@click.option("--plot", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Draw the result.")
def togetherness(rooms: int, plot: Path | None) -> None:
    """Measure simulated rooms of independent, half and fully synchronous people, with and without missing seconds."""
    kinds = [(people, together, missing) for missing in (0.0, 0.2) for together in TOGETHER for people in PEOPLE]
    rows = []
    with Progress(len(kinds), label="rooms") as progress:
        for number, kind in enumerate(kinds, 1):
            rows.append(row(*kind, rooms))
            progress.update(number)
    click.echo("| people | in step | missing | windows | togetherness | null, 95 % | windows above | in a minute |")
    click.echo("|---:|---:|---:|---:|---:|---:|---:|---:|")
    for each in rows:
        click.echo(
            f"| {each.people} | {each.together:.0%} | {each.missing:.0%} | {each.windows} | {each.value:.2f} "
            f"| {each.null:.2f} | {each.alarms:.1%} | {each.within_a_minute:.0%} |"
        )
    if plot is not None:
        draw(rows, plot)


def draw(rows: list[Row], path: Path) -> None:
    """Draw togetherness against the number of people, with the null as a band; rooms without missing seconds."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4.2), layout="constrained")
    axes = figure.subplots()
    complete = [each for each in rows if not each.missing]
    independent = [each for each in complete if not each.together]
    axes.fill_between([each.people for each in independent], 0, [each.null for each in independent],
                      color="#bbb", alpha=0.6, label="chance, 95 %")  # fmt: skip
    for together, colour in zip(TOGETHER, ("#5a5448", "#c77d2e", "#2f7d5b"), strict=True):
        some = [each for each in complete if each.together == together]
        axes.plot([each.people for each in some], [each.value for each in some], "o-", color=colour,
                  label=f"{together:.0%} in step")  # fmt: skip
    axes.set(xscale="log", xlabel="people", ylabel="togetherness", ylim=(0, None))
    axes.set_xticks(PEOPLE, [str(people) for people in PEOPLE])
    axes.minorticks_off()
    axes.legend(frameon=False)
    figure.savefig(path, dpi=110)
