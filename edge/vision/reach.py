"""Largest distance at which faces are found, from the smallest detectable face by the pinhole camera model (pure).

>>> round(reach_m(36, 1280, 66), 1)
4.4
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edge.sources.uri import is_usb

if TYPE_CHECKING:
    from edge.config import DetectorConfig, SourceConfig

FACE_M = 0.16
"""Width in metres of a detector's box on an adult: the pupils are 63 mm apart (mean of adults; Dodgson, "Variation and
extrema of human interpupillary distance", SPIE 5291, 2004), which is 0.39 of the box (median of 119 frontal faces of
the scenes; half of them within 0.37 to 0.40)."""


@dataclass(frozen=True, slots=True)
class Lens:
    """Lens of a common camera; ``fov_degrees`` is its horizontal field of view as stated by the manufacturer."""

    key: str
    name: str
    fov_degrees: float


PI_LENSES = (
    Lens("module3", "Camera Module 3", 66),
    Lens("module3_wide", "Camera Module 3 Wide", 102),
    Lens("module2", "Camera Module 2", 62.2),
    Lens("hq6", "HQ Camera with a 6 mm lens", 63),
)
"""Lenses from Raspberry Pi's documentation of its camera hardware."""
WEBCAM_LENSES = (Lens("webcam70", "70° webcam", 70), Lens("webcam78", "78° webcam", 78))
"""Bounds of the field of view of most webcams."""


@dataclass(frozen=True, slots=True)
class Reach:
    """Smallest detectable face, in pixels of the frame, and the distance in metres at which it has that size."""

    face_px: int
    metres: tuple[tuple[Lens, float], ...]


def reach_m(min_face_px: float, frame_width_px: float, fov_degrees: float) -> float:
    """Return the distance in metres at which a face is ``min_face_px`` wide.

    ``fov_degrees`` is the field of view across ``frame_width_px``.
    """
    focal_px = frame_width_px / 2 / math.tan(math.radians(fov_degrees) / 2)
    return FACE_M * focal_px / min_face_px


def smallest_face_px(
    frame_width: int,
    frame_height: int,
    smallest_face: float,
    *,
    detectable: float,
    search_width: int = 0,
    levels: int | None = None,
) -> int:
    """Return the side of the smallest face that is found, in pixels of the frame.

    Args:
        frame_width: pixels.
        frame_height: pixels.
        smallest_face: smallest face that is searched for, as a share of the shorter side.
        detectable: side of the smallest face that the detector finds in its input, in pixels.
        search_width: pixels to which the frame is reduced for the search; 0: as far as ``smallest_face`` allows.
        levels: of BlazeFace: the first finds faces from a fifth of the longer side on, each additional one halves that.
    """
    reduced = frame_width / min(frame_width, search_width or frame_width)
    least = max(smallest_face * min(frame_width, frame_height), detectable * reduced)
    if levels is not None:
        least = max(least, max(frame_width, frame_height) / 5 / 2 ** (levels - 1))
    return math.ceil(round(least, 6))


def detectable_px(kind: str) -> float:
    """Return the side in pixels of the smallest face that the detector ``kind`` finds in its input."""
    if kind == "yunet":
        from edge.vision.yunet import YuNetDetector

        return YuNetDetector.smallest
    if kind == "blazeface":
        from edge.vision.blazeface import BlazeFaceDetector

        return BlazeFaceDetector.smallest
    from edge.vision.haar import HaarDetector

    return HaarDetector.smallest


def lenses_of(uri: str) -> tuple[Lens, ...]:
    """Return the lenses that a source of this address may have; none for files."""
    match "usb" if is_usb(uri) else uri.partition(":")[0]:
        case "picamera":
            return PI_LENSES
        case "usb" | "rtsp" | "rtsps" | "http" | "https" | "virtual":
            return WEBCAM_LENSES
        case _:
            return ()


def reach(source: SourceConfig, settings: DetectorConfig, frame_width: int, frame_height: int, *, kind: str) -> Reach:
    """Return the reach of a device with frames of this size in pixels and the detector ``kind``."""
    face_px = smallest_face_px(
        frame_width,
        frame_height,
        settings.smallest_face,
        detectable=detectable_px(kind),
        search_width=settings.width,
        levels=settings.levels if kind == "blazeface" else None,
    )
    across = frame_height if source.rotation % 180 else frame_width
    metres = tuple((lens, reach_m(face_px, across, lens.fov_degrees)) for lens in lenses_of(source.uri))
    return Reach(face_px, metres)


def table(sizes: tuple[tuple[int, int], ...], shares: tuple[float, ...], *, detectable: float) -> list[list[str]]:
    """Return rows for the documentation: frame, smallest face in pixels, metres by lens; the first is the header."""
    lenses = (*PI_LENSES, *WEBCAM_LENSES)
    rows = [["frame", "smallest face", *(lens.name for lens in lenses)]]
    for width, height in sizes:
        for share in shares:
            face_px = smallest_face_px(width, height, share, detectable=detectable)
            metres = [f"{reach_m(face_px, width, lens.fov_degrees):.1f} m" for lens in lenses]
            rows.append([f"{width}\N{MULTIPLICATION SIGN}{height}", f"{100 * share:g} %, {face_px} pixels", *metres])
    return rows
