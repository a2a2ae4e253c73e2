"""Degradations of a face before the network sees it, deterministic for the same pictures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from edge.core.types import Box
from edge.inference.preprocess import crop_face

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

_SEED = 1


@dataclass(frozen=True, slots=True)
class Disturbance:
    """One strength of one kind of disturbance.

    ``words`` describe ``amount``; ``change`` takes ``(n, h, w)`` uint8 grey and the amount.
    """

    kind: str
    amount: float
    words: str
    change: Callable[[NDArray[np.uint8], float], NDArray[np.uint8]]

    @property
    def strength(self) -> str:
        """Return the strength as text."""
        return self.words.format(self.amount)

    def apply(self, pictures: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return ``pictures`` ``(n, h, w)`` uint8 grey with the disturbance; shape and type are unchanged."""
        return self.change(pictures, self.amount)


def darken(pictures: NDArray[np.uint8], percent: float) -> NDArray[np.uint8]:
    """Reduce the light of pictures ``(n, h, w)`` uint8 to ``percent``."""
    return _each(pictures, lambda picture: cv2.convertScaleAbs(picture, alpha=percent / 100))


def blur(pictures: NDArray[np.uint8], sigma: float) -> NDArray[np.uint8]:
    """Blur pictures ``(n, h, w)`` uint8 with a Gaussian of ``sigma`` pixels."""
    return _each(pictures, lambda p: cv2.GaussianBlur(p, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE))


def coarsen(pictures: NDArray[np.uint8], side: float) -> NDArray[np.uint8]:
    """Reduce square pictures ``(n, s, s)`` uint8 to faces ``side`` pixels wide, cropped as on the device."""

    def change(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        small = np.asarray(cv2.resize(picture, (int(side), int(side)), interpolation=cv2.INTER_AREA), np.uint8)
        return crop_face(small, Box(0, 0, side, side), margin=0.0, size=len(picture))

    return _each(pictures, change)


def rotate(pictures: NDArray[np.uint8], degrees: float) -> NDArray[np.uint8]:
    """Turn pictures ``(n, h, w)`` about the centre in alternating directions, repeating the border."""
    height, width = pictures.shape[1:]
    centre = (width - 1) / 2, (height - 1) / 2
    turns = [cv2.getRotationMatrix2D(centre, angle, 1.0) for angle in (degrees, -degrees)]
    rotated = [
        cv2.warpAffine(picture, turns[number % 2], (width, height), borderMode=cv2.BORDER_REPLICATE)
        for number, picture in enumerate(pictures)
    ]
    return np.array(rotated, np.uint8).reshape(pictures.shape)


def occlude(pictures: NDArray[np.uint8], percent: float) -> NDArray[np.uint8]:
    """Cover a square of ``percent`` of each picture ``(n, h, w)`` with its mean grey, at a different place in each."""
    n, height, width = pictures.shape
    side = round((height * width * percent / 100) ** 0.5)
    generator = np.random.default_rng(_SEED)
    tops, lefts = generator.integers(0, height - side + 1, n), generator.integers(0, width - side + 1, n)
    covered = pictures.copy()
    for picture, top, left in zip(covered, tops, lefts, strict=True):
        picture[top : top + side, left : left + side] = round(float(picture.mean()))
    return covered


def compress(pictures: NDArray[np.uint8], quality: float) -> NDArray[np.uint8]:
    """Compress pictures ``(n, h, w)`` uint8 by JPEG at this quality of 1 to 100."""

    def change(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        _, encoded = cv2.imencode(".jpg", picture, (cv2.IMWRITE_JPEG_QUALITY, int(quality)))
        return np.asarray(cv2.imdecode(encoded, cv2.IMREAD_GRAYSCALE), np.uint8)

    return _each(pictures, change)


def _each(pictures: NDArray[np.uint8], change: Callable[[NDArray[np.uint8]], NDArray[Any]]) -> NDArray[np.uint8]:
    return np.array([change(picture) for picture in pictures], np.uint8).reshape(pictures.shape)


_KINDS: tuple[tuple[str, str, Callable[[NDArray[np.uint8], float], NDArray[np.uint8]], tuple[float, ...]], ...] = (
    ("darkening", "{:g} % of the light", darken, (75, 50, 25, 10)),
    ("blur", "{:g} px sigma", blur, (0.5, 1, 1.5, 2)),
    ("low resolution", "{:g} px wide", coarsen, (32, 24, 16, 12)),
    ("rotation", "{:g} degrees", rotate, (10, 20, 30, 45)),
    ("occlusion", "{:g} % of the picture", occlude, (5, 10, 20, 30)),
    ("JPEG compression", "quality {:g}", compress, (50, 30, 15, 5)),
)
DISTURBANCES: tuple[Disturbance, ...] = tuple(
    Disturbance(kind, amount, words, change) for kind, words, change, amounts in _KINDS for amount in amounts
)
"""Six kinds, each from mild to severe."""
