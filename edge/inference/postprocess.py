"""Postprocessing of a network's logits: temperature, prior, and the evidence that a crop shows a face.

Pure functions, shared with ``converter``; their parameters are part of a model's manifest
(:mod:`edge.inference.calibration`).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, cast

import cv2
import numpy as np

from edge.inference.calibration import ENERGY, ENTROPY, FACE
from edge.inference.preprocess import noise_of, softmax

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from edge.inference.calibration import Certainty, Refusal
    from edge.inference.manifest import Manifest

    Logits = Mapping[str, NDArray[np.float32]]
    """Logits ``(n, k)`` by head."""

_LEAST = 1e-9
_COARSE = 12
"""Side in pixels of the crop in which the tilt is measured: it shows eyes, brows and mouth, but no wrinkles."""
_WINDOW = np.outer(np.hanning(_COARSE), np.hanning(_COARSE)).astype(np.float32)


def adjusted(logits: NDArray[np.float32], shares: Sequence[float], strength: float) -> NDArray[np.float32]:
    """Remove the prior of the training data from calibrated ``logits`` ``(..., k)`` float32 (Menon et al., 2021).

    ``shares`` ``(k,)`` are those of the labels in training; ``strength`` 0 changes nothing, 1 makes all labels equally
    likely a priori. Returns an array of the same shape.
    """
    if not strength:
        return logits
    return cast("NDArray[np.float32]", logits - np.float32(strength) * np.log(np.asarray(shares, np.float32)))


def entropy(probabilities: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the entropy ``(...)`` in nats of ``probabilities`` ``(..., k)``, from 0 to log k."""
    parts = probabilities * np.log(probabilities + np.float32(_LEAST))
    return cast("NDArray[np.float32]", -parts.sum(axis=-1))


def detail_of(crop: NDArray[np.uint8]) -> float:
    """Return the logarithm of a crop's fine structure in relation to its contrast; ``crop`` is ``(n, n)`` uint8 grey.

    It is the response of a Laplacian at half the crop's size over the standard deviation, which is low if the face was
    far away or out of focus.
    """
    half = cv2.resize(crop, (crop.shape[1] // 2, crop.shape[0] // 2), interpolation=cv2.INTER_AREA)
    return math.log(noise_of(np.asarray(half)) / (float(crop.std()) + 1) + 1e-3)


def tilt_of(crop: NDArray[np.uint8]) -> float:
    """Return the share of diagonal structure in a crop ``(n, n)`` uint8 grey, 0 to 1.

    Eyes, brows and mouth of an upright face are horizontal, so that few gradients are diagonal: this is twice the mean
    product of both components of the gradient over the mean of their squares, around the centre of the crop.
    """
    coarse = cv2.resize(crop, (_COARSE, _COARSE), interpolation=cv2.INTER_AREA).astype(np.float32)
    across, down = (cv2.Sobel(coarse, cv2.CV_32F, x, 1 - x, ksize=3) for x in (1, 0))
    both = float((across * down * _WINDOW).sum())
    squares = float(((across * across + down * down) * _WINDOW).sum())
    return min(1.0, 2 * abs(both) / (squares + 1))


def temperature(certainty: Certainty, *, spread: Any, detail: Any, tilt: Any) -> Any:
    """Return the temperature of faces by their signs, numbers or arrays ``(n,)``; see :class:`Certainty`."""
    lacking = np.maximum(0.0, certainty.usual_detail - detail)
    raised = certainty.spread * spread + certainty.detail * lacking + certainty.tilt * tilt
    return certainty.temperature * np.exp(np.minimum(math.log(certainty.most), raised))


def temperatures(manifest: Manifest, head: str, logits: Logits, crops: Sequence[NDArray[np.uint8]]) -> Any:
    """Return the divisor of the logits of ``head``: a number for all faces, or an array ``(n,)``.

    ``logits`` are ``(n, k)`` float32 by head; ``crops`` ``(n, s, s)`` uint8 grey are the network's input.
    """
    output = manifest.output(head)
    certainty = output.certainty
    if certainty is None:
        return output.temperature
    other = certainty.head
    spread = entropy(softmax(logits[other], temperature=manifest.output(other).temperature)) if other else 0.0
    detail = np.array([detail_of(crop) for crop in crops]) if certainty.detail else 0.0
    tilt = np.array([tilt_of(crop) for crop in crops]) if certainty.tilt else 0.0
    return temperature(certainty, spread=spread, detail=detail, tilt=tilt)


def probabilities(
    manifest: Manifest, head: str, logits: Logits, crops: Sequence[NDArray[np.uint8]], strength: float = 0.0
) -> NDArray[np.float32]:
    """Return the probabilities ``(n, k)`` float32 of each face: logits over temperature, adjusted, softmax.

    ``logits`` are ``(n, k)`` float32 by head; ``crops`` ``(n, s, s)`` uint8 grey are the network's input. ``strength``
    is that of the prior's adjustment; a head without a prior is never adjusted.
    """
    divided = logits[head] / np.asarray(temperatures(manifest, head, logits, crops), np.float32)[..., None]
    prior = manifest.output(head).prior
    return softmax(divided if prior is None else adjusted(divided, prior.shares, strength))


def signs(manifest: Manifest, logits: Logits) -> dict[str, NDArray[np.float32]]:
    """Return the values ``(n,)`` float32 that distinguish faces from other objects, by the key ``HEAD.SIGN``.

    They are each head's logits by label, ``energy`` (the logarithm of the sum of their exponentials; Liu et al., 2020)
    and ``entropy`` in nats under the plain temperature. The key :data:`FACE` has the value of the face output, if
    ``logits`` contain it as ``(n, 1)``.
    """
    values_by_sign: dict[str, NDArray[np.float32]] = {}
    for output in manifest.outputs:
        if output.head not in logits:
            continue
        values = logits[output.head]
        values_by_sign |= {f"{output.head}.{label}": values[:, index] for index, label in enumerate(manifest.labels)}
        highest = values.max(axis=1)
        values_by_sign[f"{output.head}.{ENERGY}"] = highest + np.log(np.exp(values - highest[:, None]).sum(axis=1))
        values_by_sign[f"{output.head}.{ENTROPY}"] = entropy(softmax(values, temperature=output.temperature))
    if FACE in logits:
        values_by_sign[FACE] = logits[FACE][:, 0]
    return values_by_sign


def evidence(refusal: Refusal, values_by_sign: Mapping[str, NDArray[np.float32]]) -> NDArray[np.float64]:
    """Return the evidence ``(n,)`` for a face minus the required one, in log-odds; below 0 a detection is rejected.

    ``values_by_sign`` are the arrays ``(n,)`` of :func:`signs`.
    """
    table = np.column_stack([values_by_sign[name] for name in refusal.weights])
    low, high = np.array([refusal.bounds[name] for name in refusal.weights]).T
    total: NDArray[np.float64] = np.clip(table, low, high) @ np.array([*refusal.weights.values()])
    return total + (refusal.bias - refusal.least)
