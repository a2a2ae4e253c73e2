"""Makes what sees: the face detector, the network and the pipeline of both.

Each function imports what it makes, so that a device pays only for what it has.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge.vision.pipeline import Pipeline

if TYPE_CHECKING:
    from pathlib import Path

    from edge.config import Config
    from edge.laps import Laps
    from edge.protocols import FaceDetector
    from edge.vision.litert import LiteRtClassifier


def classifier(config: Config) -> LiteRtClassifier:
    """The network that the configuration names, the one that was added, or the packaged one.

    Raises:
        ModelError: it is missing, corrupt or does not match its manifest.
        HardwareUnavailable: no inference runtime is installed.
    """
    from edge.models.store import model_in_use

    return network(config, model_in_use(config))


def network(config: Config, path: Path) -> LiteRtClassifier:
    """The network in the file ``path``.

    Raises:
        ModelError: it is missing, corrupt or does not match its manifest.
        HardwareUnavailable: no inference runtime is installed.
    """
    from edge.vision.litert import LiteRtClassifier

    settings = config.model
    return LiteRtClassifier(path, head=settings.head, threads=settings.threads, runtime=settings.runtime)


def detector(config: Config, *, still: bool = False) -> FaceDetector:
    """The face detector; for stills it searches for smaller faces.

    Raises:
        ModelError: the detector is a network, and its file is missing or not the published one.
        HardwareUnavailable: a package that it needs is missing.
    """
    settings = config.detector
    min_face = config.analyze.min_face if still else settings.min_face
    if settings.kind == "blazeface":
        from edge.models.store import models_dir
        from edge.vision.blazeface import FILE, BlazeFaceDetector

        return BlazeFaceDetector(
            models_dir(config) / FILE,
            min_face=min_face,
            confidence=settings.confidence,
            levels=None if still else settings.levels,
            runtime=config.model.runtime,
        )
    from edge.vision.haar import HaarDetector

    return HaarDetector(min_face=min_face, scale_factor=settings.scale_factor, min_neighbors=settings.min_neighbors)


def pipeline(config: Config, *, still: bool = False, seed: int | None = None) -> Pipeline:
    """The vision pipeline.

    ``still`` is for pictures that have nothing to do with each other: each is searched, nothing is smoothed. The same
    ``seed`` gives the same track ids.
    """
    return pipeline_of(config, classifier(config), still=still, seed=seed)


def pipeline_of(
    config: Config, network: LiteRtClassifier, *, still: bool, seed: int | None, laps: Laps | None = None
) -> Pipeline:
    """The vision pipeline around a network that is loaded; see :func:`pipeline`."""
    return Pipeline(
        detector(config, still=still),
        network,
        detect_width=config.analyze.width if still else config.detector.width,
        detect_interval_s=0.0 if still else config.detector.interval_s,
        scan_s=config.detector.scan_s,
        min_face=config.detector.min_face,
        classify_interval_s=0.0 if still else config.model.interval_s,
        tracker=config.tracker,
        smoothing=config.smoothing,
        primary=config.primary,
        memory=not still,
        seed=seed,
        laps=laps,
    )
