"""``python -m tests.bench``: cost of a frame by number of faces and picture size, as a chart.

Durations are CPU time of the loop's thread, with OpenCV limited to that thread: they are valid on a busy machine, too.
"""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edge.bench import ours
from edge.bench.measure import STAGES, obvious_loop
from edge.bench.reel import Reel
from edge.bench.scene import Scene

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edge.config import Config

FACES = (0, 1, 2, 5, 10, 20, 35, 50)
FACES_IN = (1280, 720)
SIZES = ((320, 240), (640, 480), (1280, 960), (1920, 1440), (2560, 1920))
"""Sizes of one aspect ratio, to show the same scene, up to a Pi camera module's."""
FACES_AT = 3
_OBVIOUS_FRAMES = 12


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), default=Path(), show_default=True)
@click.option("--seconds", type=click.FloatRange(1, 60), default=6.0, show_default=True, help="Of each clip.")
def curves(out: Path, seconds: float) -> None:
    """Measure each point, ten to twenty minutes in all, and write performance.json and performance-cost.png."""
    import cv2

    from tests.bench.plot import draw

    cv2.setNumThreads(1)
    results: dict[str, list[dict[str, Any]]] = {"faces": [], "sizes": []}
    with tempfile.TemporaryDirectory(prefix="face-edge-bench-") as folder:
        for kind, scene, min_face in _points(seconds):
            row = _row(scene, Path(folder), min_face)
            results[kind].append(row)
            click.echo(json.dumps(row))
    out.mkdir(parents=True, exist_ok=True)
    (out / "performance.json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    click.echo(str(draw(results, out)))


def _points(seconds: float) -> Iterator[tuple[str, Scene, float]]:
    """Return each point's kind, scene and smallest face; fifty faces on one picture are small."""
    for count in FACES:
        yield "faces", Scene(*FACES_IN, count, count, seconds, motion="calm"), 0.04
    for width, height in SIZES:
        yield "sizes", Scene(width, height, FACES_AT, FACES_AT, seconds, motion="calm"), 0.1


def _row(scene: Scene, folder: Path, min_face: float) -> dict[str, Any]:
    """Return the CPU milliseconds per frame, ours by stage and the reference loop's."""
    from edge import config as configuration

    flags = {"node.id": "bench", "node.state_dir": folder, "mqtt.broker": "off", "sessions.keep": False}
    config = configuration.load(environment={}, flags={**flags, "detector.min_face": min_face})
    reel = Reel.record(map(scene.frame, range(len(scene))), folder, fps=scene.fps, count=len(scene))
    run = ours.run(config, reel, time.thread_time_ns)
    found = [len(observation.faces) for observation in run.observations]
    return {
        "width": scene.width,
        "height": scene.height,
        "faces": scene.most,
        "faces_found": sum(found) / len(found),
        "stages_ms": {
            name: sum(frame.get(name, 0) for frame in run.stages_ns) / len(run.stages_ns) / 1e6 for name in STAGES
        },
        "obvious_ms": _obvious_ms(config, reel),
    }


def _obvious_ms(config: Config, reel: Reel) -> float:
    loop = obvious_loop(config, reel, 30, time.thread_time_ns)
    turns = loop.run(reel.frame(index * len(reel) // _OBVIOUS_FRAMES) for index in range(_OBVIOUS_FRAMES))
    return sum(turn.detect_ns + turn.classify_ns for turn in turns) / len(turns) / 1e6


if __name__ == "__main__":
    curves()
