"""Board of a simulated device, with invented figures as of a Raspberry Pi 4."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge import __version__
from edge.core.events import Info

if TYPE_CHECKING:
    import random


def figures(chance: random.Random) -> dict[str, float]:
    """Return the part of :class:`edge.core.events.Health` about the board and its camera."""
    detect_ms = chance.uniform(12, 22)
    return {
        "cpu_percent": round(chance.uniform(35, 70), 1),
        "memory_mb": round(chance.uniform(180, 240), 1),
        "temperature_c": round(chance.gauss(58, 4), 1),
        "capture_fps": 15.0,
        "process_fps": round(chance.uniform(12, 15), 2),
        "skip_fps": round(chance.uniform(0, 2), 2),
        "detect_ms_p50": round(detect_ms, 2),
        "detect_ms_p95": round(detect_ms * 1.4, 2),
        "infer_ms_p50": 2.1,
        "infer_ms_p95": 2.9,
        "last_frame_age_s": 0.07,
    }


def info(node: str) -> Info:
    """Return the info message of ``node``."""
    return Info(
        node=node,
        software_version=__version__,
        model="simulated",
        model_sha256="0" * 64,
        head="consensus",
        detector="haar",
        runtime="simulated",
        source="simulated",
        privacy={"frames_leave_device": False, "tracks_published": False, "k": 1},
    )
