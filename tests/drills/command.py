"""``python -m tests.lab drill``: prove on this machine that nothing is lost."""

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
    from tests.drills.outcome import Outcome
    from tests.drills.report import Report
    from tests.drills.soak.report import Soak
    from tests.fuzz.report import FuzzReport

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
    "partition": 1,
    "oom": 10,
}
"""The whole device's drills, each with how often the fault comes unless told otherwise; only some can come often."""
SECONDS = {"soak": 3600.0, "fuzz": 60.0}
"""Those that take as long as they are told to, each with how long that is otherwise; fuzz for each target."""


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("name", type=click.Choice([*EVENTS, *TIMES, *SECONDS]))
@click.option("--events", type=click.IntRange(min=20, max=1_000_000), help="How many messages to send.")
@click.option("--times", type=click.IntRange(min=1, max=10_000), help="How often to kill or unplug.")
@click.option("--seed", type=int, default=1, show_default=True, help="Of the random moments.")
@click.option("--seconds", type=click.FloatRange(min=1), help="How long soak is, and fuzz for each target.")
@click.option(
    "--output", type=click.Path(file_okay=False, path_type=Path), help="Of soak and fuzz: a folder for files."
)
@click.option("--sample", type=click.FloatRange(min=0.1), default=5.0, show_default=True, help="Of soak: seconds.")
@click.option("--leak", type=click.Choice(["memory", "descriptors"]), help="Of soak: leak, to see that it is found.")
@click.option("--target", "targets", type=click.Choice(list(TARGETS)), multiple=True, help="Of fuzz: this one only.")
@click.option("--again", type=click.Path(dir_okay=False, path_type=Path), help="Of fuzz: a finding's file.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def drill(name: str, events: int | None, times: int | None, seed: int, *, as_json: bool, **given: Any) -> None:
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
    report: FuzzReport | Outcome | Report | Soak
    if name in SECONDS:
        seconds = given.pop("seconds") or SECONDS[name]
        report = _soak(seconds, given) if name == "soak" else _fuzz(seconds, seed, given)
    else:
        report = _run(name, (events or EVENTS[name]) if name in EVENTS else (times or TIMES[name]), seed)
    click.echo(json.dumps(report.as_dict(), indent=2) if as_json else "\n".join(report.lines()))
    if not report.passed:
        click.get_current_context().exit(1)


def _run(name: str, events: int, seed: int) -> Report | Outcome:
    # what the device complains of meanwhile is what the drill does to it
    logging.getLogger("edge").addHandler(logging.NullHandler())
    module = import_module(f"tests.drills.{name}")
    with tempfile.TemporaryDirectory(prefix="face-edge-drill-") as folder, Progress(events, label="drill") as progress:
        report: Report | Outcome = module.run(Path(folder), events=events, seed=seed, progress=progress.update)
        return report


def _soak(seconds: float, given: dict[str, Any]) -> Soak:
    from tests.drills.soak.drill import Setting, run

    setting = Setting(seconds, given["sample"], given["output"], given["leak"])
    with (
        tempfile.TemporaryDirectory(prefix="face-edge-soak-") as folder,
        Progress(int(seconds), label="soak") as progress,
    ):
        return run(Path(folder), setting, progress=progress.update)


def _fuzz(seconds: float, seed: int, given: dict[str, Any]) -> FuzzReport:
    from tests.fuzz.drill import again, run

    names = given["targets"] or tuple(TARGETS)
    with (
        tempfile.TemporaryDirectory(prefix="face-edge-fuzz-") as folder,
        Progress(int(seconds * len(names)), label="fuzz") as progress,
    ):
        if given["again"] is not None:
            return again(Path(folder), given["again"])
        return run(
            Path(folder), seconds=seconds, seed=seed, names=names, keep=given["output"], progress=progress.update
        )
