"""``face-edge bench``: measure the loop on this machine, and compare it."""

from __future__ import annotations

import json
import re
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edge.cli.progress import Progress
from edge.cli.settings import Settings, pass_settings

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np
    from numpy.typing import NDArray

    from edge.bench.report import Report
    from edge.bench.scene import Scene
    from edge.config import Config

_SHARES = {"reel": 2.0, "device": 3.0}
_DEVICE_S = 15.0
_MOST_PEOPLE = 200


def _people(ctx: click.Context, param: click.Parameter, value: str) -> tuple[int, int]:
    """Return least and most of a range such as ``3`` or ``1-5``."""
    del ctx, param
    match = re.fullmatch(r"(\d{1,3})(?:-(\d{1,3}))?", value)
    least, most = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
    if least > most or most > _MOST_PEOPLE:
        msg = f"{value!r} is no number of people (expected such as 3 or 1-5, at most {_MOST_PEOPLE})"
        raise click.BadParameter(msg)
    return least, most


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("clip", required=False, type=click.Path(path_type=Path))
@click.option("--width", type=click.IntRange(160, 4096), default=640, show_default=True, help="Of the drawn scene.")
@click.option("--height", type=click.IntRange(120, 2160), default=480, show_default=True, help="Of the drawn scene.")
@click.option("--faces", callback=_people, default="1-5", show_default=True, help="People in it, as 3 or 1-5.")
@click.option("--motion", type=click.Choice(["still", "calm", "lively"]), default="lively", show_default=True)
@click.option("--light", type=click.Choice(["bright", "dim", "changing"]), default="bright", show_default=True)
@click.option("--looks", type=click.Path(path_type=Path), metavar="FOLDER", help="Pictures of faces for its people.")
@click.option("--seconds", type=click.FloatRange(1, 600), default=10.0, show_default=True, help="Length of the clip.")
@click.option("--baseline", is_flag=True, help="Run the obvious loop beside ours and compare.")
@click.option(
    "--smallest",
    type=click.IntRange(20, 1000),
    default=30,
    show_default=True,
    help="Face that it looks for, pixels; 30 is usual.",
)
@click.option(
    "--rounds", type=click.IntRange(1, 50), default=1, show_default=True, help="The median of so many counts."
)
@click.option("--device", is_flag=True, help="Measure start-up, memory and load of a whole device, too (a minute).")
@click.option("--scenes", hidden=True)
@click.option("--reference", type=click.Path(path_type=Path), metavar="FILE", help="CSV file of earlier figures.")
@click.option("--update", is_flag=True, help="Write this run's figures into --reference.")
@click.option("--row", is_flag=True, help="Print one row of the table in docs/performance.md.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@pass_settings
def bench(  # noqa: PLR0917 - one for each option
    settings: Settings, clip: Path | None, width: int, height: int, faces: tuple[int, int], motion: Any, light: Any,
    looks: Path | None, seconds: float, smallest: int, rounds: int, reference: Path | None, scenes: str | None,
    *, baseline: bool, device: bool, update: bool, row: bool, as_json: bool,
) -> None:  # fmt: skip
    """Measure the loop on CLIP, or on a drawn scene, with the configured detector, network and displays.

    Frames are decoded or drawn beforehand; each is looked at as fast as the loop can. The obvious loop searches every
    whole frame and classifies every face, with the same cascade and network; recall and labels say whether what our
    loop skips is missed. The exit code is 1 where the loop is slower than --reference says.
    """
    if scenes is not None:
        msg = "--scenes has moved: run `python -m tests.lab scenes DIR` in a checkout of the sources"
        raise click.UsageError(msg)
    from edge.bench import reference as references
    from edge.bench.scene import Scene

    if update and reference is None:
        msg = "--update needs --reference FILE"
        raise click.UsageError(msg)
    scene = None
    if clip is None:
        scene = Scene(width, height, *faces, seconds, 30.0, motion, light, _looks(looks))
    with tempfile.TemporaryDirectory(prefix="face-edge-bench-") as folder:
        report = _measure(
            settings, scene, clip, Path(folder), seconds, rounds, baseline=smallest if baseline else None, device=device
        )
    known = references.read(reference) if reference else []
    new = references.row(report, date=datetime.now(UTC).date().isoformat())
    changes, slower = references.against(known, new) if reference else ([], False)
    if row:
        click.echo(report.markdown())
    elif as_json:
        click.echo(json.dumps(report.as_dict(), indent=2))
    else:
        click.echo("\n".join([*report.lines(), *([""] if changes else []), *changes]))
    if reference and update:
        references.write(reference, known, new)
    elif slower:
        click.echo("the loop is slower than the reference", err=True)
        click.get_current_context().exit(1)


def _measure(  # noqa: PLR0917 - what a run is made of
    settings: Settings, scene: Scene | None, clip: Path | None, folder: Path, seconds: float, rounds: int,
    *, baseline: int | None, device: bool,
) -> Report:  # fmt: skip
    from edge.bench import measure
    from edge.bench.private import lend_detectors
    from edge.bench.reel import Reel
    from edge.bench.reference import machine
    from edge.bench.report import Report
    from edge.pipelines.detection import detector_kind

    # a device of its own: it meets no other's locks, broker or page
    lend_detectors(settings.load(), folder)
    flags: dict[str, Any] = {"node.id": "bench", "node.state_dir": folder, "kiosk.enabled": False}
    flags |= {"metrics.enabled": False, "sessions.keep": False, "mqtt.broker": "off"}
    config = settings.load(flags)
    config_flags = {"model.head": config.model.head, "detector.kind": config.detector.kind}
    each = 1.0 if baseline is None else 3.0
    total = _SHARES["reel"] + rounds * each + (_SHARES["device"] if device else 0.0)
    with Progress(1000, label="bench") as progress:
        pictures, fps, count, name = _pictures(config, scene, clip, seconds)
        reel = Reel.record(
            pictures, folder, fps=fps, count=count,
            progress=lambda done: progress.update(1000 * _SHARES["reel"] * done / count / total),
        )  # fmt: skip
        loops = measure.throughput(
            config, reel, baseline=baseline, rounds=rounds,
            drawn=None if scene is None else [scene.faces(index) for index in range(len(scene))],
            progress=lambda done: progress.update(1000 * (_SHARES["reel"] + done * each) / total),
        )  # fmt: skip
        whole = None
        if device:
            done = total - _SHARES["device"]
            whole = measure.appliance(
                folder, config_flags, seconds=_DEVICE_S,
                progress=lambda share: progress.update(1000 * (done + share * _SHARES["device"]) / total),
            )  # fmt: skip
    return Report(machine(), name, _model_of(config), detector_kind(config), loops, whole)


def _pictures(
    config: Config, scene: Scene | None, clip: Path | None, seconds: float
) -> tuple[Iterable[NDArray[np.uint8]], float, int, str]:
    """Return frames, frame rate, maximum number of frames and name of the clip."""
    if scene is not None:
        people = f"{scene.least}" if scene.least == scene.most else f"{scene.least} to {scene.most}"
        looks = f", {len(scene.looks)} looks" if scene.looks else ""
        name = f"drawn {scene.width} x {scene.height}, {people} faces, {scene.motion}, {scene.light}{looks}"
        return map(scene.frame, range(len(scene))), scene.fps, len(scene), name
    from edge.bench.clip import frames_of

    assert clip is not None  # noqa: S101 - one of the two is given
    found, fps = frames_of(config, clip)
    return found, fps, max(1, round(seconds * fps)), clip.name


def _looks(folder: Path | None) -> tuple[NDArray[np.uint8], ...]:
    if folder is None:
        return ()
    from edge.bench.clip import looks_in

    return looks_in(folder)


def _model_of(config: Config) -> str:
    from edge.models.store import model_in_use

    return model_in_use(config).stem
