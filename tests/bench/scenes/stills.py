"""Score still pictures as ``face-edge analyze`` sees them: recall by size, pose, light and tag, and false faces."""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from edge.core.types import Box, Frame
from tests.bench.scenes.match import matches
from tests.bench.scenes.sensor import Sensor, seed_of
from tests.bench.scenes.truth import SIZE_BINS, size_bin, size_share

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from tests.bench.scenes.setups import Setup
    from tests.bench.scenes.truth import MarkedPicture

LIGHTS = (1.0, 0.05, 0.02)
NEAR_SHARE, SIDE_SHARE, DARK_SHARE = 0.10, 0.075, 0.05
"""Smallest sizes of the rows "from 10 % up", "not frontal" and of those in little light."""


@dataclass(slots=True)
class Recall:
    """Number of existing and found faces."""

    hits: int = 0
    total: int = 0

    @property
    def share(self) -> float | None:
        """Return the share of found faces, or ``None`` without faces."""
        return self.hits / self.total if self.total else None

    def count(self, found: bool) -> None:
        """Count one face."""
        self.hits += found
        self.total += 1


@dataclass(slots=True)
class StillsScore:
    """Result of one setup over all pictures; ``light`` holds recall by exposure, with sensor noise."""

    sizes: list[Recall] = field(default_factory=lambda: [Recall() for _ in SIZE_BINS])
    near: Recall = field(default_factory=Recall)
    side: Recall = field(default_factory=Recall)
    tags: dict[str, Recall] = field(default_factory=dict)
    light: dict[float, Recall] = field(default_factory=dict)
    pictures: int = 0
    false_faces: int = 0
    empty: int = 0
    empty_with_faces: int = 0
    cpu_ns: int = 0

    @property
    def looks(self) -> int:
        """Return the number of unmodified pictures."""
        return self.pictures + self.empty

    def relative(self, light: float) -> float | None:
        """Return the recall at this exposure, relative to full light."""
        full, dark = self.light.get(1.0, Recall()).share, self.light.get(light, Recall()).share
        return dark / full if full and dark is not None else None


def measure(
    setups: Sequence[Setup],
    pictures: Sequence[MarkedPicture],
    *,
    lights: Sequence[float] = LIGHTS,
    progress: Callable[[], None] = lambda: None,
) -> dict[str, StillsScore]:
    """Run each setup on each picture, unmodified and at each exposure; call ``progress`` after each."""
    from edge.pipelines import factory

    scores = {setup.name: StillsScore() for setup in setups}
    for setup in setups:
        with closing(factory.pipeline(setup.config, still=True, seed=0)) as pipeline:

            def look(image: NDArray[np.uint8]) -> tuple[list[Box], int]:
                began_ns = time.process_time_ns()
                seen = pipeline.step(Frame(image, 0, 0))
                took_ns = time.process_time_ns() - began_ns
                # whole pixels, as `analyze` prints them
                return [Box(*face.box.rounded()) for face in seen.faces], took_ns

            for picture in pictures:
                image = picture.read()
                found, took_ns = look(image)
                add_picture(scores[setup.name], picture, found, took_ns)
                progress()
                if not picture.faces:
                    continue
                for light in lights:
                    sensor = Sensor(picture.width, picture.height, seed_of(picture.name, light))
                    found, _ = look(sensor.expose(image, light))
                    add_dark(scores[setup.name], picture, found, light)
                    progress()
    return scores


def looks(pictures: Sequence[MarkedPicture], lights: Sequence[float] = LIGHTS) -> int:
    """Return the number of ``progress`` calls of :func:`measure` per setup."""
    return sum(1 + len(lights) * bool(picture.faces) for picture in pictures)


def add_picture(score: StillsScore, picture: MarkedPicture, found: Sequence[Box], took_ns: int = 0) -> None:
    """Count the faces of one unmodified picture."""
    score.cpu_ns += took_ns
    if not picture.faces:
        score.empty += 1
        score.empty_with_faces += bool(found)
        return
    pairs = matches([face.box for face in picture.faces], found)
    score.pictures += 1
    score.false_faces += len(found) - len(pairs)
    for index, face in enumerate(picture.faces):
        if not face.counts:
            continue
        share, hit = size_share(face.box, picture.width, picture.height), index in pairs
        size = size_bin(share)
        if size is not None:
            score.sizes[size].count(hit)
            for tag in picture.tags:
                score.tags.setdefault(tag, Recall()).count(hit)
        if share >= NEAR_SHARE:
            score.near.count(hit)
        if share >= SIDE_SHARE and not face.frontal:
            score.side.count(hit)


def add_dark(score: StillsScore, picture: MarkedPicture, found: Sequence[Box], light: float) -> None:
    """Count the larger faces of one picture at this exposure."""
    pairs: Mapping[int, int] = matches([face.box for face in picture.faces], found)
    recall = score.light.setdefault(light, Recall())
    for index, face in enumerate(picture.faces):
        if face.counts and size_share(face.box, picture.width, picture.height) >= DARK_SHARE:
            recall.count(index in pairs)
