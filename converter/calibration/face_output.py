"""Trains the output that says whether it is a face, on a network that stays as it is.

Faces are rows of the training split as a camera would show them, small, dark and noisy ones among them. Non-faces are
finds in pictures without faces, and rows that FER+'s annotators saw as no face. The layer is linear and what is
minimised is convex, so that faces and views alone depend on the seed.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from converter.architectures.face import FaceLayer, features, require_heads
from converter.calibration.logistic import logistic
from converter.camera import CameraSimulation
from converter.datasets.faces import OTHER_VOTES
from edge.core.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from converter.calibration.non_faces import NonFaces
    from converter.datasets.faces import FaceSet
    from converter.training.checkpoint import Trained

_NO_FACE = OTHER_VOTES.index("NF")
_MOST = 0.5
"""Share of the votes from which a row is no face."""


@dataclass(frozen=True, slots=True)
class FaceSettings:
    """Settings for training the output.

    ``faces`` are drawn from the training split; ``camera`` is the share of pictures that are shown small, dark or
    noisy. A row that was voted no face counts ``voted`` times as much as a find: most are drawings or captions, which a
    detector does not find. ``penalty`` is on the squares of the standardised weights.
    """

    faces: int = 8000
    camera: float = 0.5
    voted: float = 0.2
    penalty: float = 1e-3
    seed: int = 1


def train(trained: Trained, training: FaceSet, non_faces: NonFaces, settings: FaceSettings) -> Trained:
    """Return ``trained`` with a face output in place of any that it had.

    Raises:
        InputError: the network cannot have one, or there are no faces or no finds to train on.
    """
    require_heads(trained.network)
    finds = non_faces.for_training
    no_face = training.other_votes[:, _NO_FACE]
    has_votes = bool(training.votes.any() or training.other_votes.any())
    known = np.flatnonzero((training.votes.sum(axis=1) > 0) & (no_face == 0)) if has_votes else np.arange(len(training))
    if not len(finds) or not len(known):
        msg = f"a face output needs faces and non-faces to train on, found {len(known)} and {len(finds)}"
        raise InputError(msg)
    generator = np.random.default_rng(settings.seed)
    rows = generator.choice(known, min(settings.faces, len(known)), replace=False)
    voted = training.pixels[no_face >= _MOST]
    inside = features(trained.network, _shown(training.pixels[rows], settings, 0), "faces")
    parts = [_both_ways(pixels, settings, 1) for pixels in (finds.crops, voted)]
    outside = features(trained.network, np.concatenate(parts), "non-faces")
    record = {
        **asdict(settings),
        "faces": len(rows),
        "finds": len(finds),
        "pictures": len(np.unique(finds.pictures)),
        "voted_no_face": len(voted),
        "voted_weight": settings.voted,
    }
    del record["voted"]
    each = [np.full(len(part), weight) for part, weight in zip(parts, (1.0, settings.voted), strict=True)]
    layer = _fitted(inside, outside, np.concatenate(each), settings.penalty)
    return replace(trained, face=replace(layer, record=record))


def _shown(pixels: NDArray[np.uint8], settings: FaceSettings, part: int) -> NDArray[np.uint8]:
    return CameraSimulation(settings.camera).show(pixels, settings.seed + part)


def _both_ways(pixels: NDArray[np.uint8], settings: FaceSettings, part: int) -> NDArray[np.uint8]:
    """As they are and mirrored, and both again as a camera would show them."""
    both = np.concatenate([pixels, pixels[:, :, ::-1]])
    return np.concatenate([both, _shown(both, settings, part)])


def _fitted(
    inside: NDArray[np.float32], outside: NDArray[np.float32], counts: NDArray[np.float64], penalty: float
) -> FaceLayer:
    """Logistic regression with both sides weighing alike; ``counts`` are the shares of the rows of ``outside``."""
    sign = np.concatenate([np.ones(len(inside)), -np.ones(len(outside))])
    weight = np.concatenate([np.full(len(inside), 0.5 / len(inside)), 0.5 * counts / counts.sum()])
    bias, weights = logistic(np.concatenate([inside, outside]).astype(np.float64), sign, weight, penalty)
    return FaceLayer(weights.astype(np.float32), bias)
