"""``python -m tests.bench.count``: instructions per frame of our loop by stage and of the simple loop, under callgrind.

Counts do not depend on other load, and a board's speed can be estimated from them. They are those of the loop's own
thread in user mode, without the time before the first frame and without the cost of marking a stage. ``--counts`` shows
the results of tests/service/count.sh on arm64 instead, and ``--answers`` compares the results of two machines.
"""

from __future__ import annotations

import json
import platform
import shutil
import subprocess
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edge.bench.reel import FILE, Reel
from edge.bench.scene import Scene
from edge.core.errors import EdgeError, HardwareUnavailable
from tests.bench.counted import NAMES
from tests.bench.counts import differences, frame_counts, of_callgrind, of_plugin

if TYPE_CHECKING:
    from tests.bench.counts import FrameCounts, InstructionTally

SCENE = Scene()
"""The bench's own clip."""
_CALLGRIND = (
    "valgrind", "--tool=callgrind", "--instr-atstart=no", "--collect-atstart=no", "--combine-dumps=no",
    "--dump-line=no", "--quiet",
)  # fmt: skip


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--frames",
    type=click.IntRange(2, len(SCENE)),
    default=len(SCENE),
    show_default=True,
    help="Of the clip, from the first.",
)
@click.option("--obvious", type=click.IntRange(1), default=6, show_default=True, help="Frames of the obvious loop.")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="Of the configuration, such as model.path.")
@click.option("--reel", type=click.Path(path_type=Path), metavar="FILE", help="Only draw the clip, for other machines.")
@click.option("--counts", type=click.Path(path_type=Path, exists=True), metavar="FILE", help="The plug-in's file.")
@click.option("--answers", type=(click.Path(path_type=Path, exists=True),) * 2, help="What two machines saw.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def count(  # noqa: PLR0917 - one for each option
    frames: int, obvious: int, settings: tuple[str, ...], reel: Path | None, counts: Path | None,
    answers: tuple[Path, Path] | None, *, as_json: bool,
) -> None:  # fmt: skip
    """Count the instructions of both loops on the bench's drawn clip; five minutes for all of it."""
    if reel is not None:
        drawn(reel.parent, frames).replace(reel)
        return
    if answers is not None:
        one, other = (json.loads(path.read_text(encoding="utf-8")) for path in answers)
        for loop in ("ours", "obvious"):
            click.echo(f"{loop}: {differences(one, other, loop)}")
        return
    if counts is None:
        tallies = under_callgrind(frames, obvious, settings)
    else:
        tallies = of_plugin(counts.read_text(encoding="utf-8"), NAMES)
    show(frame_counts(tallies), as_json=as_json)


def drawn(folder: Path, frames: int) -> Path:
    """Write the clip's first ``frames`` to a file in ``folder``."""
    Reel.record(map(SCENE.frame, range(frames)), folder, fps=SCENE.fps, count=frames)
    return folder / FILE


def under_callgrind(frames: int, obvious: int, settings: tuple[str, ...]) -> dict[str, InstructionTally]:
    """Run both loops under callgrind.

    Raises:
        HardwareUnavailable: there is no valgrind, or this is no x86-64; the message says what to do.
        EdgeError: it failed; the message is its own.
    """
    if platform.machine() != "x86_64":  # the marks of arm64 are another meter's
        msg = f"callgrind counts on x86_64, this is {platform.machine()}: see tests/service/count.sh"
        raise HardwareUnavailable(msg)
    if shutil.which(_CALLGRIND[0]) is None:
        msg = "instructions are counted by callgrind: apt-get install valgrind"
        raise HardwareUnavailable(msg)
    with tempfile.TemporaryDirectory(prefix="face-edge-count-") as name:
        folder = Path(name)
        out = folder / "counts"
        child = [sys.executable, "-m", "tests.bench.counted", str(drawn(folder, frames)), "--obvious", str(obvious)]
        given = [part for setting in settings for part in ("--set", setting)]
        command = [*_CALLGRIND, f"--callgrind-out-file={out}", *child, *given]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            msg = f"counting failed: {(done.stderr.strip().splitlines() or ['it said nothing'])[-1]}"
            raise EdgeError(msg)
        return of_callgrind(folder.glob(f"{out.name}.*"))


def show(counted: FrameCounts, *, as_json: bool) -> None:
    """Print the counts, in millions, or as JSON."""
    if as_json:
        click.echo(json.dumps(asdict(counted)))
        return
    click.echo(f"{'':18}{'times':>7}{'million each':>14}{'million a frame':>17}{'of them vector':>16}")
    for name, row in counted.stages.items():
        vector = "" if row.vector is None else f"{100 * row.vector / max(row.each, 1):.0f} %"
        a_frame = row.each * row.times / row.frames
        click.echo(f"{name:18}{row.times:7}{row.each / 1e6:14.3f}{a_frame / 1e6:17.3f}{vector:>16}")
    click.echo(f"ours {counted.ours / 1e6:.2f}, obvious {counted.obvious / 1e6:.1f} million a frame: {_ratio(counted)}")


def _ratio(counted: FrameCounts) -> Any:
    return f"a ratio of {counted.obvious / counted.ours:.1f}" if counted.ours else "no ratio"


if __name__ == "__main__":
    try:
        count()
    except EdgeError as problem:
        click.echo(f"error: {problem}", err=True)
        raise SystemExit(problem.exit_code) from None
