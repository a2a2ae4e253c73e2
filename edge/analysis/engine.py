"""Run files through the vision pipeline frame by frame, so that memory does not grow with a video's length."""

from __future__ import annotations

import math
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Protocol, cast

import cv2

from edge.analysis.annotate import annotate
from edge.analysis.clips import UNBOUNDED, AvClip, open_clip
from edge.analysis.copy_attempt import CopyAttempt
from edge.analysis.inputs import Kind, printable
from edge.analysis.records import Result
from edge.core.errors import InputError
from edge.core.types import Frame
from edge.sources import regular
from edge.util.files import replacing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from edge.analysis.clips import Bounds, Clip, ClipFrame
    from edge.analysis.inputs import Item
    from edge.core.types import Observation

DEFAULT_INTERVAL_S = 0.1
_NS = 1_000_000_000


class Stepper(Protocol):
    """The part of :class:`edge.vision.pipeline.Pipeline` that is needed here."""

    def step(self, frame: Frame) -> Observation:
        """Return the observation of ``frame``."""
        ...

    def reset(self) -> None:
        """Forget every face."""
        ...

    def close(self) -> None:
        """Free the network."""
        ...


@dataclass(frozen=True, slots=True)
class Sampling:
    """Sampling of videos: one frame each ``interval_s``, 0 for every frame; ``still`` if too far apart for tracking."""

    interval_s: float = DEFAULT_INTERVAL_S
    still: bool = False


class Analyzer:
    """Analyzer of picture and video files.

    Args:
        pipeline: creates a pipeline; called with true for unrelated pictures, with false for a video.
        read_image: reads a picture as upright BGR, or raises :class:`edge.core.errors.InputError`.
        sampling: the frames of videos to process.
        copies: path of the annotated copy by item; other items get none.
        bounds: limits for one video.
    """

    def __init__(
        self,
        pipeline: Callable[[bool], Stepper],
        read_image: Callable[[Path], NDArray[np.uint8]],
        *,
        sampling: Sampling | None = None,
        copies: dict[Item, Path] | None = None,
        bounds: Bounds = UNBOUNDED,
    ) -> None:
        self._make_pipeline = pipeline
        self._read_image = read_image
        self._sampling = sampling or Sampling()
        self._copies = copies or {}
        self._bounds = bounds
        self._pipelines: dict[bool, Stepper] = {}
        self._count = 0

    def results(self, item: Item) -> Iterator[Result]:
        """Yield one result for a picture, or one for each sampled frame of a video.

        The annotated copy is in place once all results are taken; a damaged file gets none. If the copy cannot be
        written, the error is raised after the last result.

        Raises:
            InputError: the file cannot be read, or its copy cannot be written.
        """
        return self._picture(item) if item.kind is Kind.PICTURE else self._video(item)

    def close(self) -> None:
        """Release the networks."""
        for pipeline in self._pipelines.values():
            pipeline.close()
        self._pipelines.clear()

    def _pipeline(self, *, still: bool) -> Stepper:
        if still not in self._pipelines:
            self._pipelines[still] = self._make_pipeline(still)
        return self._pipelines[still]

    def _picture(self, item: Item) -> Iterator[Result]:
        image = self._read_image(item.path)
        self._count += 1
        frame = Frame(image=image, monotonic_ns=self._count * _NS, index=self._count, name=printable(item.path))
        observation = self._pipeline(still=True).step(frame)
        yield Result(item, observation)
        if place := self._copies.get(item):
            with replacing(place) as temporary:
                _write_picture(temporary, annotate(image, observation))

    def _video(self, item: Item) -> Iterator[Result]:
        if why := regular.fault(item.path):
            raise InputError(printable(why))
        with ExitStack() as resources:
            clip = resources.enter_context(closing(open_clip(item.path, self._bounds)))
            pipeline = self._pipeline(still=self._sampling.still or self._is_one_picture(item))
            pipeline.reset()
            place = self._copies.get(item)
            if place is None:
                yield from self._sampled(item, clip, pipeline)
            else:
                copy = resources.enter_context(CopyAttempt(place, cast("AvClip", clip)))
                yield from self._copied(item, cast("AvClip", clip), pipeline, copy)

    def _is_one_picture(self, item: Item) -> bool:
        """Return whether a video has a single frame, so that no second one can confirm the first."""
        with closing(open_clip(item.path, self._bounds)) as clip:
            try:
                return len(list(islice(clip.frames(), 2))) == 1
            except InputError:
                return False  # reading it to its end says what is wrong

    def _sampled(self, item: Item, clip: Clip, pipeline: Stepper) -> Iterator[Result]:
        due = _Due(self._sampling.interval_s)
        for frame in clip.frames():
            if due(frame.time_s):
                observation = pipeline.step(_frame(item, frame, frame.image()))
                yield _result(item, clip, frame, observation)

    def _copied(self, item: Item, clip: AvClip, pipeline: Stepper, copy: CopyAttempt) -> Iterator[Result]:
        due, shown = _Due(self._sampling.interval_s), _Due(_between_frames_s(self._bounds.copy_fps))
        latest: Observation | None = None
        for frame in clip.frames(on_audio=copy.sound):
            looked_at, written = due(frame.time_s), shown(frame.time_s)
            if not (looked_at or written):
                continue
            image = frame.image()
            if looked_at:
                latest = pipeline.step(_frame(item, frame, image))
                yield _result(item, clip, frame, latest)
            if written:
                copy.picture(partial(_annotated, image, latest), frame)


def _annotated(image: NDArray[np.uint8], latest: Observation | None) -> NDArray[np.uint8]:
    return image if latest is None else annotate(image, latest)


def _between_frames_s(fps: float | None) -> float:
    """Return the least seconds between written frames, 0 for all; a sixth less, since times are rounded."""
    return 0.0 if fps is None else 1 / fps / 1.2


class _Due:
    """Selector of frames: the first at or after each multiple of the interval."""

    def __init__(self, interval_s: float) -> None:
        self._interval_s = interval_s
        self._next_s = 0.0

    def __call__(self, time_s: float) -> bool:
        if self._interval_s <= 0:
            return True
        if time_s < self._next_s - 1e-6:
            return False
        self._next_s = (math.floor(time_s / self._interval_s + 1e-6) + 1) * self._interval_s
        return True


def _frame(item: Item, frame: ClipFrame, image: NDArray[np.uint8]) -> Frame:
    return Frame(image=image, monotonic_ns=round(frame.time_s * _NS), index=frame.index, name=printable(item.path))


def _result(item: Item, clip: Clip, frame: ClipFrame, observation: Observation) -> Result:
    done = min(1.0, frame.time_s / clip.duration_s) if clip.duration_s else 0.0
    if frame.size is not None:
        observation = _enlarged(observation, *frame.size)
    return Result(item, observation, frame=frame.index, time_s=frame.time_s, done=done)


def _enlarged(seen: Observation, width: int, height: int) -> Observation:
    """Scale an observation to the original's size of ``width`` by ``height`` pixels."""
    across, down = width / seen.frame_width, height / seen.frame_height
    faces = tuple(replace(face, box=face.box.scaled(across, down)) for face in seen.faces)
    return replace(seen, frame_width=width, frame_height=height, faces=faces)


def _write_picture(path: Path, image: NDArray[np.uint8]) -> None:
    quality = [cv2.IMWRITE_JPEG_QUALITY, 92] if path.suffix.lower() in {".jpg", ".jpeg", ".jpe"} else []
    well, data = cv2.imencode(path.suffix.lower(), image, quality)
    if not well:
        msg = f"{printable(path)}: the annotated picture cannot be written in this format"
        raise InputError(msg)
    path.write_bytes(data.tobytes())
