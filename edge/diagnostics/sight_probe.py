"""Probe of the configured source: brightness of its picture and least size of faces.

Runs in a separate process (:mod:`edge.sandbox.probe`): drivers and OpenCV may crash.
"""

from __future__ import annotations

import json
import sys
import time
from typing import TYPE_CHECKING, Any

from edge.config import Config
from edge.core.errors import EdgeError

if TYPE_CHECKING:
    from edge.core.types import Frame

SECTIONS = ("source", "detector", "node")
CODE = f"from {__name__} import main; main()"
_SETTLE_S = 1.5
"""A camera needs so long to find its exposure."""


def look(config: Config, *, is_free: bool) -> dict[str, Any]:
    """Return the measurements of a frame as plain values; without one, the configured values and the ``reason``.

    ``is_free`` is true if the camera may be opened.
    """
    from edge.pipelines.detection import detector_kind
    from edge.vision.reach import reach

    source = config.source
    found: dict[str, Any] = {"width": source.width, "height": source.height}
    if source.rotation % 180:
        found = {"width": source.height, "height": source.width}
    if is_free:
        try:
            found |= _measured(config)
        except EdgeError as error:
            found["reason"] = str(error)
    kind = detector_kind(config)
    reached = reach(source, config.detector, found["width"], found["height"], kind=kind)
    metres = [[lens.name, round(distance, 1)] for lens, distance in reached.metres]
    return found | {"kind": kind, "face_px": reached.face_px, "metres": metres}


def _measured(config: Config) -> dict[str, Any]:
    from edge.inference.preprocess import to_grey
    from edge.sources.orient import orient
    from edge.vision.light import measure

    frame, is_live = _frame(config)
    frame = orient(frame, rotation=config.source.rotation, mirror=False)
    size = {"width": frame.width, "height": frame.height}
    if not is_live:
        return size
    exposure = measure(to_grey(frame.image))
    return size | {"bright": round(exposure.bright), "light": exposure.light.value}


def _frame(config: Config) -> tuple[Frame, bool]:
    """Return a frame and whether it is live; a camera's first frames are discarded."""
    from edge.sources.factory import create

    source = create(config.source)
    try:
        source.open()
        frame, until_s = source.read(), time.monotonic() + _SETTLE_S
        while not source.recorded and time.monotonic() < until_s:
            frame = source.read()
        is_live = not source.recorded
    finally:
        source.close()
    return frame, is_live


def main() -> None:
    """Read the settings from standard input and print one JSON object; the first argument is ``free`` or ``taken``."""
    config = Config.model_validate_json(sys.stdin.read())
    print(json.dumps(look(config, is_free=sys.argv[1] == "free")))  # noqa: T201 - the answer to who started us
