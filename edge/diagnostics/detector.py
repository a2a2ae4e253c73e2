"""Check of the face detector in use, and of a better one that could be installed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge.diagnostics.finding import fail, ok, warn
from edge.models.published import PUBLISHED, YUNET
from edge.models.store import models_dir

if TYPE_CHECKING:
    from edge.config import Config
    from edge.diagnostics.finding import Finding
    from edge.models.detectors import InstalledDetector


def detector(config: Config) -> Finding:
    """Check the configured detector and its file."""
    from edge.models.detectors import installed

    kind = config.detector.kind
    found = {each.detector.name: each for each in installed(models_dir(config))}
    if kind == "auto":
        return _automatic(found.get(YUNET.name))
    if kind not in PUBLISHED:
        return ok("detector", kind)
    published, file = PUBLISHED[kind], found.get(kind)
    if file is None:
        return fail("detector", f"{kind} needs its model, which is not in {models_dir(config)}", published.command)
    return fail("detector", file.problem, published.command) if file.problem else ok("detector", kind)


def _automatic(yunet: InstalledDetector | None) -> Finding:
    if yunet is None:
        lost = "haar: small, dark and turned faces are missed, which YuNet finds for less processor time"
        return warn("detector", lost, YUNET.command)
    if yunet.problem:
        return warn("detector", f"haar, because {yunet.problem}", YUNET.command)
    return ok("detector", "yunet")
