"""Make the face detector, the search for faces and the rules of tracks that the configuration names.

Each function imports what it makes, so that a device pays only for what it has.
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
"""Score that YuNet must reach once before a find is a face: most hands and cymbals in group pictures score less."""
YUNET_BEGINS = 0.8
"""Part of that score from which a find is looked at again."""
YUNET_SURE = 0.85
"""Score from which a find is a face at once."""
YUNET_HELD_S = 0.7
"""So long a face that looks like itself is shown although it is not found: YuNet rarely misses one more than twice."""
STILL_SCORE = 0.75
HAAR_BEGINS, HAAR_SURE = 0.66, 2.0
"""Of the hits that a face of the cascade must have: from so many on a find is looked at again, or is a face at once."""
BLAZEFACE_SCORE = 0.6
HAAR_STILL_SCALE = HAAR_NEAR_SCALE = 1.1
HAAR_STILL_FACE = 1 / 30
"""Smallest face, as a share of the picture's shorter side, down to which the cascade searches single pictures: beyond
it finds more things that are no faces than faces."""


def detector_kind(config: Config) -> str:
    """Return the detector that the configuration means: ``auto`` is YuNet where its file can be used, else Haar."""
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
        _LOG.warning("%s; until then Haar finds the faces", problem)
    return "haar" if problem else "yunet"


def detector(config: Config, *, still: bool = False, kind: str | None = None) -> FaceDetector:
    """Make the face detector; for stills it searches for smaller faces.

    ``kind`` is what :func:`detector_kind` said, where that was asked before: it warns of a damaged file each time.

    Raises:
        ModelError: the detector is a network, and its file is missing or not the published one.
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
    """Make the search by ``detector``: of whole pictures, or for Haar close by and where something moves.

    ``clock_ns`` is processor time, by which a live camera's searches are kept within their budget.
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
    """Return when a face that ``detector`` finds begins, is shown, and is forgotten; in stills all that it finds is."""
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
    """Return the scores that a single picture's faces must have in ordinary light and in the dark.

    Finer steps give the cascade more hits, of faces and of other things; noise takes some away.
    """
    hits = config.detector.min_neighbors if detector.name == "haar" else 0
    return (hits + 1) / NEIGHBOURS if hits else 0.0, hits / NEIGHBOURS


def refuses(config: Config, detector: FaceDetector) -> bool:
    """Return whether finds that are no faces are left out; YuNet has too few to lose a face in profile for them."""
    return config.model.refusal == "on" or (config.model.refusal == "auto" and detector.name != "yunet")


def _still_face(config: Config, detector: FaceDetector) -> float:
    least = config.analyze.min_face
    return max(least, HAAR_STILL_FACE) if detector.name == "haar" else least
