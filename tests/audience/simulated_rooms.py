"""Simulated rooms: people whose expressions change by themselves or follow a common stimulus."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from edge.core.types import EMOTIONS, Box, Face, Observation, Scores

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

HZ = 4
_HAPPY, _NEUTRAL, _SURPRISE = (EMOTIONS.index(name) for name in ("happy", "neutral", "surprise"))
_WARM_UP_S = 30


def reactions(random: np.random.Generator, people: int, seconds: float) -> NDArray[np.float64]:
    """Return ``(people, samples)`` of intensities 0 to 1: bouts of a few seconds over slow drift, independent."""
    samples = round((seconds + _WARM_UP_S) * HZ)
    bouts = np.zeros((people, samples))
    for row in bouts:
        at = 0.0
        while at < samples:
            at += random.exponential(10 * HZ)
            length = random.exponential(4 * HZ)
            row[int(at) : int(at + length)] = random.uniform(0.4, 1)
            at += length
    keep = np.exp(-1 / (3 * HZ))
    noise = random.standard_normal((people, samples)) * np.sqrt(1 - keep**2)
    kernel = keep ** np.arange(12 * HZ)
    drift = np.array([np.convolve(row, kernel)[:samples] for row in noise])
    return np.clip(bouts + 0.12 * drift, 0, 1)[:, -round(seconds * HZ) :]


def room(
    seed: int, people: int, seconds: float, *, together: float = 0.0, missing: float = 0.0
) -> Iterator[Observation]:
    """Yield what a device sees of ``people`` at :data:`HZ` frames a second.

    Args:
        seed: of everything random in it.
        people: tracks in view.
        seconds: length.
        together: share of the people who follow one stimulus, each with up to half a second of delay.
        missing: share of the seconds in which a person is not seen.
    """
    random = np.random.default_rng(seed)
    own = reactions(random, people, seconds)
    common = reactions(random, 1, seconds)[0]
    for index in range(round(together * people)):
        own[index] = np.clip(0.8 * np.roll(common, random.integers(0, HZ // 2 + 1)) + 0.2 * own[index], 0, 1)
    kinds = random.choice([_HAPPY, _SURPRISE], size=people, p=[0.8, 0.2])
    kinds[: round(together * people)] = _HAPPY
    unseen = np.repeat(random.random((people, round(seconds) + 1)) < missing, HZ, axis=1)
    jitter = random.normal(0, 0.02, (people, own.shape[1], len(EMOTIONS)))
    for index in range(own.shape[1]):
        faces = tuple(
            _face(number, own[number, index], int(kinds[number]), jitter[number, index])
            for number in range(people)
            if not unseen[number, index]
        )
        yield Observation(round(index / HZ * 1e9), 0, 640, 480, faces, detect_ms=None)


def _face(number: int, intensity: float, kind: int, jitter: NDArray[np.float64]) -> Face:
    logits = np.zeros(len(EMOTIONS))
    logits[_NEUTRAL], logits[kind] = 2.5, 5 * intensity
    shares = np.exp(logits)
    shares = np.clip(shares / shares.sum() + jitter, 0.001, None)
    scores = Scores.of(shares / shares.sum())
    return Face(f"{number:08x}", Box(0, 0, 9, 9), scores, None, 0.5)
