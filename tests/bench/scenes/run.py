"""Run every setup over the same pictures and clips, each clip frame drawn once for all of them."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import cv2

from edge.core.types import Frame
from tests.bench.scenes import stills
from tests.bench.scenes.clip_score import ClipScore
from tests.bench.scenes.clips import camera_clip
from tests.bench.scenes.follow import Follower
from tests.bench.scenes.scene_clip import CAMERA_KINDS, FPS, KINDS, STAGED_KINDS, SceneClip
from tests.bench.scenes.staged import staged_clip
from tests.bench.scenes.truth import load

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from tests.bench.scenes.setups import Setup
    from tests.bench.scenes.stills import StillsScore
    from tests.bench.scenes.truth import MarkedPicture

_NS = 1_000_000_000
_QUICK_PICTURES, _QUICK_S = 6, 3.0
_CLIP_WEIGHT = 10.0
"""Number of stills that take as long as a clip."""


@dataclass(frozen=True, slots=True)
class ScenesPlan:
    """Options of a run: number of ``pictures`` (0: all, spread over the folder), kinds and length of clips."""

    pictures: int = 0
    kinds: tuple[str, ...] = KINDS
    seconds: float = 6.0
    lights: tuple[float, ...] = stills.LIGHTS
    stills: bool = True


QUICK = ScenesPlan(pictures=_QUICK_PICTURES, seconds=_QUICK_S)


@dataclass(slots=True)
class SetupScore:
    """Results of one setup; ``clips`` by kind."""

    setup: Setup
    stills: StillsScore | None = None
    clips: dict[str, ClipScore] = field(default_factory=dict)

    @property
    def with_people(self) -> ClipScore:
        """Return all clips of a standing or moving camera over a picture of people."""
        return sum((self.clips[kind] for kind in CAMERA_KINDS if kind in self.clips), start=ClipScore())


def measure(
    folder: Path,
    setups: Sequence[Setup],
    plan: ScenesPlan | None = None,
    progress: Callable[[float], None] = lambda _share: None,
) -> list[SetupScore]:
    """Measure each setup on the pictures in ``folder``; ``progress`` hears the share that is done.

    Raises:
        InputError: the folder cannot be used.
        EdgeError: a pipeline fails.
    """
    plan = plan or ScenesPlan()
    pictures = _chosen(load(folder), plan.pictures)
    looks = len(setups) * stills.looks(pictures, plan.lights) if plan.stills else 0
    total = looks + _CLIP_WEIGHT * len(pictures) * len(plan.kinds)
    done = 0.0

    def tick(weight: float = 1.0) -> None:
        nonlocal done
        done += weight
        progress(done / total)

    cv2.setNumThreads(1)
    scores = {setup.name: SetupScore(setup) for setup in setups}
    if plan.stills:
        for name, seen in stills.measure(setups, pictures, lights=plan.lights, progress=tick).items():
            scores[name].stills = seen
    for kind in plan.kinds:
        for picture in pictures:
            made = staged_clip(kind, picture) if kind in STAGED_KINDS else camera_clip(kind, picture, plan.seconds)
            taken = {} if made is None else film(setups, made)
            for name, followed in taken.items():
                clips = scores[name].clips
                clips[kind] = clips.get(kind, ClipScore()) + followed
            tick(_CLIP_WEIGHT)
    return list(scores.values())


def film(setups: Sequence[Setup], made: SceneClip) -> dict[str, ClipScore]:
    """Show one clip to each setup; only the pipelines' own steps are timed."""
    from edge.pipelines import factory

    followers = {setup.name: Follower(setup.smallest) for setup in setups}
    with ExitStack() as stack:
        pipelines = []
        for setup in setups:
            pipeline = factory.pipeline(setup.config, seed=0)
            stack.callback(pipeline.close)
            pipelines.append((setup.name, pipeline))
        for index, shown in enumerate(made):
            frame = Frame(shown.image, round(index * _NS / FPS), index)
            # the first of them finds the picture out of the processor's cache: each in turn
            for turn in range(len(pipelines)):
                name, pipeline = pipelines[(index + turn) % len(pipelines)]
                began_ns = time.process_time_ns()
                seen = pipeline.step(frame)
                took_ns = time.process_time_ns() - began_ns
                followers[name].add(shown.faces, seen.faces, index / FPS, took_ns)
    return {name: follower.score() for name, follower in followers.items()}


def _chosen(pictures: Sequence[MarkedPicture], most: int) -> Sequence[MarkedPicture]:
    return pictures if not most else pictures[:: -(-len(pictures) // most)]
