"""``face-edge drill``: prove on this machine that nothing is lost."""

from __future__ import annotations

import json
import logging
import tempfile
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edge.cli.progress import Progress

if TYPE_CHECKING:
    from edge.drills.report import Report

EVENTS = {"broker": 10_000, "device": 10_000, "outage": 3_000, "disk": 4_000}
"""The drills, each with the number of messages that it sends unless told otherwise."""


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("name", type=click.Choice(list(EVENTS)))
@click.option("--events", type=click.IntRange(min=20, max=1_000_000), help="How many messages to send.")
@click.option("--seed", type=int, default=1, show_default=True, help="Of the random moments.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def drill(name: str, events: int | None, seed: int, *, as_json: bool) -> None:
    r"""Let the feed fail on purpose and count what comes through.

    \b
    broker  a broker killed with SIGKILL and restarted at random
    device  the publishing process killed with SIGKILL and restarted at random
    outage  ten minutes without a broker, in quick motion
    disk    a full disk under the outbox, with and without a broker

    Each starts its own Mosquitto (Debian package mosquitto) and a subscriber. The exit code is 0 where nothing is lost
    or out of order, and 1 otherwise.
    """
    count = events or EVENTS[name]
    report = _run(name, count, seed)
    click.echo(json.dumps(report.as_dict(), indent=2) if as_json else "\n".join(report.lines()))
    if not report.passed:
        click.get_current_context().exit(1)


def _run(name: str, events: int, seed: int) -> Report:
    # what the device complains of meanwhile is what the drill does to it
    logging.getLogger("edge").addHandler(logging.NullHandler())
    module = import_module(f"edge.drills.{name}")
    with tempfile.TemporaryDirectory(prefix="face-edge-drill-") as folder, Progress(events, label="drill") as progress:
        report: Report = module.run(Path(folder), events=events, seed=seed, progress=progress.update)
        return report
