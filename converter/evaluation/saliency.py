"""Saliency of the parts of a face, by Captum: gradients if a network has them, else the effect of covering patches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from converter.progress import bar
from edge.core.types import EMOTIONS
from edge.inference.preprocess import softmax

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from converter.evaluation.subject import Subject

PATCH, STRIDE = 12, 4
"""Side of the covering patch and the distance between two of its places, in pixels."""
_STEPS = 32
_SIGMA = 2.0
_BATCH = 16


def method(subject: Subject) -> str:
    """Return a description of how the maps of ``subject`` are made."""
    if subject.network is not None:
        return f"integrated gradients from the mean grey, {_STEPS} steps"
    return f"occlusion by a mean-grey patch of {PATCH}x{PATCH} pixels every {STRIDE}"


def saliency(
    subject: Subject, head: str, pixels: NDArray[np.uint8], classes: NDArray[np.int64], what: str = "saliency"
) -> NDArray[np.float32]:
    """Return maps ``(n, 48, 48)`` of how much each pixel of ``(n, 48, 48)`` uint8 grey supports its face's class.

    ``classes`` ``(n,)`` are the classes to explain. Positive values support the class, negative ones oppose it; every
    map is divided by its greatest absolute value, so maps compare in place, not in strength. A checkpoint is explained
    by integrated gradients of the logit (Sundararajan et al., 2017), smoothed; a ``.tflite`` has no gradients and is
    explained by the loss of probability when a patch is covered (Zeiler and Fergus, 2014).
    """
    explain = _gradients(subject, head) if subject.network is not None else _patches(subject, head)
    starts = range(0, len(pixels), _BATCH)
    parts = [explain(pixels[start : start + _BATCH], classes[start : start + _BATCH]) for start in bar(starts, what)]
    maps = np.concatenate(parts) if parts else np.zeros(pixels.shape, np.float32)
    greatest = np.abs(maps).max(axis=(1, 2), keepdims=True)
    return np.asarray(maps / np.where(greatest > 0, greatest, 1), np.float32)


def spread(predicted: NDArray[np.int64], n: int, seed: int = 1) -> NDArray[np.int64]:
    """Return the rows of ``n`` samples in the order of their class, balanced over the predicted classes."""
    generator = np.random.default_rng(seed)
    piles = [generator.permutation(np.flatnonzero(predicted == number)) for number in range(len(EMOTIONS))]
    longest = max((len(pile) for pile in piles), default=0)
    turns = [int(pile[turn]) for turn in range(longest) for pile in piles if turn < len(pile)]
    chosen = np.array(turns[:n], np.int64)
    return chosen[np.argsort(predicted[chosen], kind="stable")]


def _gradients(subject: Subject, head: str) -> Callable[[NDArray[np.uint8], NDArray[np.int64]], NDArray[np.float32]]:
    import torch
    from captum.attr import IntegratedGradients

    index = tuple(subject.network.head_names).index(head)
    explainer = IntegratedGradients(lambda pictures: subject.network(pictures)[index])

    def explain(pixels: NDArray[np.uint8], classes: NDArray[np.int64]) -> NDArray[np.float32]:
        pictures, grey = _tensors(pixels)
        found = explainer.attribute(
            pictures, baselines=grey, target=torch.from_numpy(classes), n_steps=_STEPS, internal_batch_size=256
        )
        return np.stack([cv2.GaussianBlur(one, (0, 0), _SIGMA) for one in found[:, 0].detach().float().numpy()])

    return explain


def _patches(subject: Subject, head: str) -> Callable[[NDArray[np.uint8], NDArray[np.int64]], NDArray[np.float32]]:
    import torch
    from captum.attr import Occlusion

    temperature = subject.temperatures.get(head, 1.0)

    def probabilities(pictures: Any) -> Any:
        pixels = (pictures[:, 0] * 255).round().to(torch.uint8).numpy()
        return torch.from_numpy(softmax(subject.predict(pixels)[head], temperature=temperature))

    explainer = Occlusion(probabilities)

    def explain(pixels: NDArray[np.uint8], classes: NDArray[np.int64]) -> NDArray[np.float32]:
        pictures, grey = _tensors(pixels)
        found = explainer.attribute(
            pictures,
            sliding_window_shapes=(1, PATCH, PATCH),
            strides=(1, STRIDE, STRIDE),
            baselines=grey,
            target=torch.from_numpy(classes),
        )
        return np.asarray(found[:, 0].numpy(), np.float32)

    return explain


def _tensors(pixels: NDArray[np.uint8]) -> tuple[Any, Any]:
    """Return pictures ``(n, 1, 48, 48)`` in 0..1, and for each one a picture in its mean grey."""
    import torch

    pictures = torch.from_numpy(pixels).unsqueeze(1).float() / 255
    return pictures, pictures.mean(dim=(2, 3), keepdim=True).expand_as(pictures).contiguous()
