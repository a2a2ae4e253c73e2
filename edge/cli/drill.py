"""``face-edge drill``: prove on this machine that nothing is lost."""

from __future__ import annotations

import json
import logging
import tempfile
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edge.cli.progress import Progress

if TYPE_CHECKING:
    from edge.drills.outcome import Outcome
    from edge.drills.report import Report
    from edge.drills.soak.report import Soak

EVENTS = {"broker": 10_000, "device": 10_000, "outage": 3_000, "disk": 4_000}
"""The feed's drills, each with the number of messages that it sends unless told otherwise."""
TIMES = {
    "freeze": 1,
    "unplug": 3,
    "corrupt": 1,
    "kill": 20,
    "full": 1,
    "readonly": 1,
    "clock": 1,
    "model": 1,
    "memory": 1,
}
"""The whole device's drills, each with how often the fault comes unless told otherwise; only some can come often."""


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("name", type=click.Choice([*EVENTS, *TIMES, "soak"]))
@click.option("--events", type=click.IntRange(min=20, max=1_000_000), help="How many messages to send.")
@click.option("--times", type=click.IntRange(min=1, max=10_000), help="How often to kill or unplug.")
@click.option("--seed", type=int, default=1, show_default=True, help="Of the random moments.")
@click.option("--seconds", type=click.FloatRange(min=10), default=3600.0, show_default=True, help="Of soak: how long.")
@click.option("--sample", type=click.FloatRange(min=0.1), default=5.0, show_default=True, help="Of soak: seconds.")
@click.option("--output", type=click.Path(file_okay=False, path_type=Path), help="Of soak: folder for table and plot.")
@click.option("--leak", type=click.Choice(["memory", "descriptors"]), help="Of soak: leak, to see that it is found.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def drill(name: str, events: int | None, times: int | None, seed: int, *, as_json: bool, **soak: Any) -> None:
    """Let things fail on purpose, and say what was seen and what was lost.

    \b
    The feed, message by message:
    broker    a broker killed with SIGKILL and restarted at random
    device    the publishing process killed with SIGKILL and restarted at random
    outage    ten minutes without a broker, in quick motion
    disk      a full disk under the outbox, with and without a broker

    \b
    The whole device, on a drawn scene:
    freeze    the camera's driver hangs
    unplug    the camera is pulled out and put back
    corrupt   the camera sends rubbish
    kill      SIGKILL at random in a session
    full      the disk of its state is full
    readonly  its state cannot be written
    clock     the clock stands in 1970 and is set while it runs
    model     its model is deleted while it runs
    memory    it gets no more memory than it has

    \b
    No fault, but a long time:
    soak      an hour as fast as the loop goes: memory, descriptors and latency must stay flat

    Those with a feed start their own Mosquitto (Debian package mosquitto); full and readonly mount a small file system
    and want root. The exit code is 0 where all came back by itself and nothing is lost or out of order, 1 otherwise.
    """  # noqa: D301 - click wants the control character
    count = (events or EVENTS[name]) if name in EVENTS else (times or TIMES.get(name, 1))
    report = _soak(**soak) if name == "soak" else _run(name, count, seed)
    click.echo(json.dumps(report.as_dict(), indent=2) if as_json else "\n".join(report.lines()))
    if not report.passed:
        click.get_current_context().exit(1)


def _run(name: str, events: int, seed: int) -> Report | Outcome:
    # what the device complains of meanwhile is what the drill does to it
    logging.getLogger("edge").addHandler(logging.NullHandler())
    module = import_module(f"edge.drills.{name}")
    with tempfile.TemporaryDirectory(prefix="face-edge-drill-") as folder, Progress(events, label="drill") as progress:
        report: Report | Outcome = module.run(Path(folder), events=events, seed=seed, progress=progress.update)
        return report


def _soak(seconds: float, sample: float, output: Path | None, leak: str | None) -> Soak:
    from edge.drills.soak.drill import Setting, run

    setting = Setting(seconds, sample, output, leak)
    with (
        tempfile.TemporaryDirectory(prefix="face-edge-soak-") as folder,
        Progress(int(seconds), label="soak") as progress,
    ):
        return run(Path(folder), setting, progress=progress.update)
