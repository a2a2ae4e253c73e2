"""``python -m tests.bench.counted``: both loops over a reel with a mark after every stage, for an external meter.

It is started by ``python -m tests.bench.count`` under callgrind and by tests/service/count.sh under QEMU. It prints the
results of both loops as JSON. The simple loop runs on a few evenly spread frames: each takes as long as twenty of ours.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from edge.bench.measure import STAGES, obvious_loop
from edge.bench.ours import Seen
from edge.bench.reel import Reel, ReelSource
from edge.core.stage_timer import StageTimer
from tests.bench.marks import Marks

if TYPE_CHECKING:
    from types import TracebackType

    from edge.bench.obvious import Turn
    from edge.config import Config
    from edge.core.types import Box, Observation

BETWEEN, EMPTY, OUTSIDE = "between", "empty", "outside"
OBVIOUS = ("obvious detect", "obvious classify")
NAMES = (*STAGES, BETWEEN, EMPTY, *OBVIOUS, OUTSIDE)
"""What is counted: our stages, what lies between them, a lap around nothing, the obvious loop's two stages, and what
belongs to no frame."""
_EMPTY_LAPS = 20
_SMALLEST = 30


class MarkedStageTimer(StageTimer):
    """Stage timer that sets marks instead of measuring time."""

    def __init__(self, marks: Marks) -> None:
        super().__init__(int)
        self._marks = marks
        self._running = False

    def begin(self) -> None:
        """Start a frame; counting begins with the first."""
        super().begin()
        if not self._running:
            self._marks.begin()
        self._marks.mark(BETWEEN if self._running else OUTSIDE)
        self._running = True

    def __enter__(self) -> None:
        self._marks.mark(BETWEEN)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._marks.mark(self._stage)
        self.add(self._stage, 0)


class StageClock:
    """Clock for the simple loop, which reads it before, between and after its two stages."""

    def __init__(self, marks: Marks) -> None:
        self._marks = marks
        self._reads = 0

    def __call__(self) -> int:
        """Mark the end of a stage; return no time."""
        self._marks.mark((OUTSIDE, *OBVIOUS)[self._reads % 3])
        self._reads += 1
        return 0


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("reel", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--width", type=int, default=640)
@click.option("--height", type=int, default=480)
@click.option("--fps", type=float, default=30.0)
@click.option("--obvious", type=click.IntRange(0), default=6, show_default=True, help="Frames of the obvious loop.")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="Of the configuration, such as model.path.")
def counted(  # noqa: PLR0917 - one for each option
    reel: Path, width: int, height: int, fps: float, obvious: int, settings: tuple[str, ...]
) -> None:
    """Run both loops on REEL, uncompressed BGR frames."""
    import cv2

    cv2.setNumThreads(1)
    frames = Reel(np.memmap(reel, np.uint8, "r").reshape(-1, height, width, 3), fps)
    marks = Marks(NAMES)
    with tempfile.TemporaryDirectory(prefix="face-edge-count-") as folder:
        config = _config(folder, settings)
        observations = _ours(config, frames, marks)
        turns = _obvious(config, frames, obvious, marks)
    answers = {
        "ours": [[_answer(face.box, face.emotion) for face in seen.faces] for seen in observations],
        "obvious": [[_answer(sight.box, sight.emotion) for sight in turn.sights] for turn in turns],
    }
    click.echo(json.dumps(answers))


def _config(folder: str, settings: tuple[str, ...]) -> Config:
    from edge import config as configuration

    flags: dict[str, Any] = {"node.id": "bench", "node.state_dir": folder, "mqtt.broker": "off", "model.threads": 1}
    flags |= {"sessions.keep": False, "kiosk.enabled": False, "metrics.enabled": False}
    return configuration.load(environment={}, flags=flags | dict(item.split("=", 1) for item in settings))


def _ours(config: Config, reel: Reel, marks: Marks) -> list[Observation]:
    """Return our loop's results for every frame."""
    from edge.runtime import build

    seen, timer = Seen(), MarkedStageTimer(marks)
    wiring = build.device(config, source=ReelSource(reel), extra_sinks=[seen], timer=timer)
    with wiring.resources:
        wiring.device.run()
    marks.mark(OUTSIDE)
    for _ in range(_EMPTY_LAPS):
        with timer(EMPTY):
            pass
    return seen.observations


def _obvious(config: Config, reel: Reel, frames: int, marks: Marks) -> list[Turn]:
    """Return the simple loop's results for ``frames`` of them."""
    loop = obvious_loop(config, reel, _SMALLEST, StageClock(marks))
    return loop.run(reel.frame(index * len(reel) // frames) for index in range(frames))


def _answer(box: Box, emotion: str | None) -> dict[str, Any]:
    edges = (box.x, box.y, box.width, box.height)
    return {"box": [round(edge, 1) for edge in edges], "emotion": None if emotion is None else str(emotion)}


if __name__ == "__main__":
    counted()
