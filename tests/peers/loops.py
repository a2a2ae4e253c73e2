"""What is common to the peers' loops; needs OpenCV and numpy only, since each peer has an environment of its own."""

from __future__ import annotations

import json
import resource
import statistics
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2

if TYPE_CHECKING:
    from collections.abc import Callable

_WARM_UP = 3


def frames_of(path: str) -> tuple[list[Any], float]:
    """All pictures of a clip, decoded beforehand, and their rate."""
    capture = cv2.VideoCapture(path)
    fps, pictures = capture.get(cv2.CAP_PROP_FPS) or 30.0, []
    while (read := capture.read())[0]:
        pictures.append(read[1])
    if not pictures:
        sys.exit(f"{path}: is no video that can be read")
    return pictures, fps


def measure(name: str, path: str, step: Callable[[Any], int], **more: Any) -> None:
    """Run ``step``, which gives the number of faces, over every frame; prints a line of JSON."""
    pictures, fps = frames_of(path)
    for picture in pictures[:_WARM_UP]:
        step(picture)
    memory_mb = _resident_mb() - sum(picture.nbytes for picture in pictures) / 1e6
    began, began_cpu = time.perf_counter(), time.process_time()
    faces = [step(picture) for picture in pictures]
    wall_s, cpu_s = time.perf_counter() - began, time.process_time() - began_cpu
    found = {
        "name": name,
        "fps": len(pictures) / wall_s,
        "cpu_s_per_s": cpu_s / (len(pictures) / fps),
        "memory_mb": memory_mb,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3,
        "faces": statistics.fmean(faces),
        **more,
    }
    sys.stdout.write(json.dumps(found) + "\n")


def _resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize() / 1e6
