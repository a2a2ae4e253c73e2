"""Construction of the configured network and vision pipeline."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge.pipelines import detection
from edge.vision.pipeline import Pipeline

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from edge.config import Config
    from edge.core.labels import LabelSet
    from edge.core.stage_timer import StageTimer
    from edge.vision.litert import LiteRtClassifier


def classifier(config: Config) -> LiteRtClassifier:
    """Load the configured network, the added one in use, or the packaged one.

    Raises:
        ModelError: it is missing, corrupt or does not match its manifest.
        HardwareUnavailable: no inference runtime is installed.
    """
    from edge.models.store import model_in_use

    return network(config, model_in_use(config))


def labels(config: Config) -> LabelSet:
    """Return the classes of the network in use; only its manifest is read.

    Raises:
        ModelError: its manifest is missing or wrong.
    """
    from edge.inference import manifest as manifests
    from edge.models.store import model_in_use

    return manifests.checked_labels(manifests.load(path := model_in_use(config)), path)


def network(config: Config, path: Path) -> LiteRtClassifier:
    """Load the network in the file ``path``.

    Raises:
        ModelError: it is missing, corrupt or does not match its manifest.
        HardwareUnavailable: no inference runtime is installed.
    """
    from edge.vision.litert import LiteRtClassifier

    settings = config.model
    return LiteRtClassifier(
        path, head=settings.head, prior=settings.prior, threads=settings.threads, runtime=settings.runtime
    )


def pipeline(config: Config, *, still: bool = False, seed: int | None = None) -> Pipeline:
    """Make the vision pipeline.

    ``still`` is for unrelated pictures: each is searched, and nothing is smoothed. The same ``seed`` gives the same
    track ids.
    """
    return pipeline_of(config, classifier(config), still=still, seed=seed)


def pipeline_of(
    config: Config,
    network: LiteRtClassifier,
    *,
    still: bool,
    seed: int | None,
    kind: str | None = None,
    timer: StageTimer | None = None,
    clock_ns: Callable[[], int] | None = None,
) -> Pipeline:
    """Make the vision pipeline around a loaded network; see :func:`pipeline`, `detector` and `search`."""
    finder = detection.detector(config, still=still, kind=kind)
    return Pipeline(
        detection.search(config, finder, still=still, clock_ns=clock_ns),
        network,
        rules=detection.rules(config, finder, still=still),
        classify_interval_s=0.0 if still else config.model.interval_s,
        refuse=detection.refuses(config, finder),
        smoothing=config.smoothing,
        primary=config.primary,
        memory=not still,
        seed=seed,
        timer=timer,
    )
