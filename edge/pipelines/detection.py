"""Construction of the configured face detector, face search and track rules.

Each function imports what it constructs, so that a device loads only what it uses.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from edge.vision.budget import ScanBudget
from edge.vision.haar import CANDIDATE, NEAR_CASCADE, NEIGHBOURS, HaarDetector
from edge.vision.local_search import LocalSearch
from edge.vision.scan import Scan
from edge.vision.track import TrackRules
from edge.vision.whole_search import WholeSearch

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge.config import Config
    from edge.core.protocols import FaceDetector
    from edge.vision.findings import FaceSearch

_LOG = logging.getLogger(__name__)

YUNET_SCORE = 0.8
"""Score that a YuNet detection must reach once to be a face: most hands and cymbals in group pictures score less."""
YUNET_BEGINS = 0.8
"""Share of that score from which on a detection becomes a candidate."""
YUNET_SURE = 0.85
"""Score from which on a detection is a face at once."""
YUNET_HELD_S = 0.7
"""How long an unchanged face is shown without a detection: YuNet rarely misses one more than twice."""
STILL_SCORE = 0.75
HAAR_BEGINS, HAAR_SURE = 0.66, 2.0
"""Shares of the hits that a face of the cascade needs, from which on a detection is a candidate, or a face at once."""
BLAZEFACE_SCORE = 0.6
HAAR_STILL_SCALE = HAAR_NEAR_SCALE = 1.1
HAAR_STILL_FACE = 1 / 30
"""Smallest face in single pictures, as a share of the shorter side: below it the cascade has more false detections than
faces."""


def detector_kind(config: Config) -> str:
    """Return the configured detector; ``auto`` is YuNet if its file is usable, otherwise Haar."""
    kind = config.detector.kind
    if kind != "auto":
        return kind
    from edge.models.store import models_dir
    from edge.vision import yunet

    path = models_dir(config) / yunet.FILE
    if not path.is_file():
        return "haar"
    problem = yunet.problem(path)
    if problem:
        _LOG.warning("%s; until then the Haar detector is used", problem)
    return "haar" if problem else "yunet"


def detector(config: Config, *, still: bool = False, kind: str | None = None) -> FaceDetector:
    """Make the face detector; for stills it searches for smaller faces.

    ``kind`` is the result of an earlier call of :func:`detector_kind`, which logs a damaged file each time.

    Raises:
        ModelError: the detector is a network, and its file is missing or not the published file.
        HardwareUnavailable: a package that it needs is missing.
    """
    from edge.models.store import models_dir

    settings, kind = config.detector, kind or detector_kind(config)
    min_face = config.analyze.min_face if still else settings.smallest_face
    if kind == "yunet":
        from edge.vision import yunet

        least = (settings.confidence or STILL_SCORE) if still else yunet.CANDIDATE
        return yunet.YuNetDetector(models_dir(config) / yunet.FILE, min_face=min_face, confidence=least)
    if kind == "blazeface":
        from edge.vision.blazeface import FILE, BlazeFaceDetector

        return BlazeFaceDetector(
            models_dir(config) / FILE,
            min_face=min_face,
            confidence=settings.confidence or BLAZEFACE_SCORE,
            levels=None if still else settings.levels,
            runtime=config.model.runtime,
        )
    scale = min(settings.scale_factor, HAAR_STILL_SCALE) if still else settings.scale_factor
    return HaarDetector(min_face=min_face, scale_factor=scale, min_neighbors=CANDIDATE)


def search(
    config: Config, detector: FaceDetector, *, still: bool = False, clock_ns: Callable[[], int] | None = None
) -> FaceSearch:
    """Make the search with ``detector``: of whole pictures, or for Haar around known faces and movement.

    ``clock_ns`` returns processor time in nanoseconds, which limits the searches of a live camera to their budget.
    """
    settings = config.detector
    interval_s = 0.0 if still else settings.interval_s
    scan = Scan(
        detector,
        budget=ScanBudget(share=settings.budget, interval_s=interval_s, clock_ns=clock_ns),
        min_face=_still_face(config, detector) if still else settings.smallest_face,
        width=config.analyze.width if still else settings.width,
        careful=still,
        least=_least_scores(config, detector) if still else (0.0, 0.0),
    )
    scan_s = max(settings.scan_s, interval_s)
    if detector.name == "haar":
        near = HaarDetector(min_face=0.0, scale_factor=HAAR_NEAR_SCALE, min_neighbors=CANDIDATE, cascade=NEAR_CASCADE)
        return LocalSearch(scan, near=near, interval_s=interval_s, scan_s=scan_s, min_hits=config.tracker.min_hits)
    return WholeSearch(scan, interval_s=interval_s, scan_s=scan_s, min_hits=config.tracker.min_hits)


def rules(config: Config, detector: FaceDetector, *, still: bool = False) -> TrackRules:
    """Return the rules of tracks: their beginning, display and end; in stills every detection is shown."""
    settings = config.tracker
    usual = TrackRules(
        iou_threshold=settings.iou_threshold,
        min_hits=settings.min_hits,
        max_age_s=settings.max_age_s,
        memory_s=max(settings.memory_s, settings.max_age_s),
        max_faces=settings.max_faces,
    )
    if still:
        return replace(usual, min_hits=1)
    if detector.name == "yunet":
        confirms = config.detector.confidence or YUNET_SCORE
        return replace(
            usual,
            begins=YUNET_BEGINS * confirms,
            confirms=confirms,
            sure=max(confirms, YUNET_SURE),
            held_s=YUNET_HELD_S,
        )
    if detector.name == "haar":
        confirms = min(1.0, (config.detector.min_neighbors + 1) / NEIGHBOURS)
        return replace(usual, begins=HAAR_BEGINS * confirms, confirms=confirms, sure=min(1.0, HAAR_SURE * confirms))
    return usual


def _least_scores(config: Config, detector: FaceDetector) -> tuple[float, float]:
    """Return the lowest scores of faces in a single picture, in normal light and in the dark.

    Finer steps give the cascade more hits, on faces and on other objects; noise causes fewer.
    """
    hits = config.detector.min_neighbors if detector.name == "haar" else 0
    return (hits + 1) / NEIGHBOURS if hits else 0.0, hits / NEIGHBOURS


def refuses(config: Config, detector: FaceDetector) -> bool:
    """Return whether the network rejects detections; not those of YuNet, of which too few are false."""
    return config.model.refusal == "on" or (config.model.refusal == "auto" and detector.name != "yunet")


def _still_face(config: Config, detector: FaceDetector) -> float:
    least = config.analyze.min_face
    return max(least, HAAR_STILL_FACE) if detector.name == "haar" else least
