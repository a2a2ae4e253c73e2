"""Command ``python -m tests.lab drill``: prove on this machine that no message is lost."""

from __future__ import annotations

import json
import logging
import tempfile
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edge.cli.progress import Progress
from tests.fuzz.target import TARGETS

if TYPE_CHECKING:
    from tests.drills.outcome import DrillOutcome
    from tests.drills.report import FeedReport
    from tests.drills.soak.report import SoakReport
    from tests.fuzz.report import FuzzReport

EVENTS = {"broker": 10_000, "device": 10_000, "outage": 3_000, "disk": 4_000}
"""Drills of the feed with their default number of messages."""
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
    "partition": 1,
    "oom": 10,
}
"""Drills of the whole device with their default number of faults; only some can be repeated."""
SECONDS = {"soak": 3600.0, "fuzz": 60.0}
"""Drills with a duration and their default seconds; fuzz for each target."""


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("name", type=click.Choice([*EVENTS, *TIMES, *SECONDS]))
@click.option("--events", type=click.IntRange(min=20, max=1_000_000), help="How many messages to send.")
@click.option("--times", type=click.IntRange(min=1, max=10_000), help="How often to kill or unplug.")
@click.option("--seed", type=int, default=1, show_default=True, help="Seed of the random moments.")
@click.option("--seconds", type=click.FloatRange(min=1), help="How long soak is, and fuzz for each target.")
@click.option(
    "--output", type=click.Path(file_okay=False, path_type=Path), help="For soak and fuzz: a folder for files."
)
@click.option("--sample", type=click.FloatRange(min=0.1), default=5.0, show_default=True, help="For soak: seconds.")
@click.option(
    "--leak", type=click.Choice(["memory", "descriptors"]), help="For soak: leak, to check that it is detected."
)
@click.option("--target", "targets", type=click.Choice(list(TARGETS)), multiple=True, help="For fuzz: only this one.")
@click.option("--again", type=click.Path(dir_okay=False, path_type=Path), help="For fuzz: a finding's file.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def drill(name: str, events: int | None, times: int | None, seed: int, *, as_json: bool, **options: Any) -> None:
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
    oom       the kernel kills it for want of memory
    partition the network to the broker goes dead without a word

    \b
    No fault, but a long time:
    soak      an hour as fast as the loop goes: memory, descriptors and latency must stay flat

    \b
    No device, but everything that a device reads:
    fuzz      damaged and hostile input, mutated at random, each door in a process of its own

    Those with a feed start their own Mosquitto (Debian package mosquitto); full, readonly, oom and partition make a
    file system, control group or network of their own, and want root. The exit code is 0 where all came back by itself
    and nothing is lost, out of order or found, 1 otherwise.
    """
    report: FuzzReport | DrillOutcome | FeedReport | SoakReport
    if name in SECONDS:
        seconds = options.pop("seconds") or SECONDS[name]
        report = _soak(seconds, options) if name == "soak" else _fuzz(seconds, seed, options)
    else:
        report = _run(name, (events or EVENTS[name]) if name in EVENTS else (times or TIMES[name]), seed)
    click.echo(json.dumps(report.as_dict(), indent=2) if as_json else "\n".join(report.lines()))
    if not report.passed:
        click.get_current_context().exit(1)


def _run(name: str, events: int, seed: int) -> FeedReport | DrillOutcome:
    # the device's complaints are effects of the drill
    logging.getLogger("edge").addHandler(logging.NullHandler())
    module = import_module(f"tests.drills.{name}")
    with tempfile.TemporaryDirectory(prefix="face-edge-drill-") as folder, Progress(events, label="drill") as progress:
        report: FeedReport | DrillOutcome = module.run(Path(folder), events=events, seed=seed, progress=progress.update)
        return report


def _soak(seconds: float, options: dict[str, Any]) -> SoakReport:
    from tests.drills.soak.drill import SoakOptions, run

    setting = SoakOptions(seconds, options["sample"], options["output"], options["leak"])
    with (
        tempfile.TemporaryDirectory(prefix="face-edge-soak-") as folder,
        Progress(int(seconds), label="soak") as progress,
    ):
        return run(Path(folder), setting, progress=progress.update)


def _fuzz(seconds: float, seed: int, options: dict[str, Any]) -> FuzzReport:
    from tests.fuzz.drill import again, run

    names = options["targets"] or tuple(TARGETS)
    with (
        tempfile.TemporaryDirectory(prefix="face-edge-fuzz-") as folder,
        Progress(int(seconds * len(names)), label="fuzz") as progress,
    ):
        if options["again"] is not None:
            return again(Path(folder), options["again"])
        return run(
            Path(folder), seconds=seconds, seed=seed, names=names, keep=options["output"], progress=progress.update
        )
