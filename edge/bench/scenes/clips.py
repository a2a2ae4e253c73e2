"""Make clips of a marked picture: a camera that stands, shakes, pans, zooms, or sees the light go down and up."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, cast

import cv2
import numpy as np

from edge.bench.scenes.paths import CLOSEST, VIEW_HEIGHT, VIEW_WIDTH, path
from edge.bench.scenes.sensor import Sensor, seed_of
from edge.bench.scenes.truth import size_share
from edge.bench.scenes.windows import cut, face_free

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from edge.bench.scenes.truth import MarkedFace, MarkedPicture
    from edge.types import Box

FPS = 15.0
KINDS = ("still", "handheld", "pan", "zoom", "ramp", "empty")
_NOISY = frozenset({"still", "ramp"})
_DARKEST = 0.05
_LEAST_IN_VIEW = 0.75


class Presence(StrEnum):
    """Whether a face has to be found: it is in view, counts neither way, or is covered for a while."""

    VISIBLE = "visible"
    IGNORED = "ignored"
    COVERED = "covered"


@dataclass(frozen=True, slots=True)
class TruthFace:
    """A marked face in one frame; ``share`` is its size as a share of the view's shorter side."""

    number: int
    box: Box
    share: float
    presence: Presence


@dataclass(frozen=True, slots=True, eq=False)
class SceneFrame:
    """A picture of the clip and the faces in it."""

    image: NDArray[np.uint8]
    faces: tuple[TruthFace, ...]


@dataclass(frozen=True, slots=True)
class SceneClip:
    """``frames`` frames at 15 a second, each drawn when it is asked for; drawn in order they are always the same."""

    kind: str
    name: str
    frames: int
    draw: Callable[[int], SceneFrame]

    def __iter__(self) -> Iterator[SceneFrame]:
        return map(self.draw, range(self.frames))


def clip(kind: str, picture: MarkedPicture, seconds: float) -> SceneClip | None:
    """The clip of this kind; ``None`` where the picture does not serve for it."""
    image, faces = _material(kind, picture)
    if image is None:
        return None
    height, width = image.shape[:2]
    motion = "handheld" if kind == "empty" else kind
    seed = seed_of(picture.name, kind)
    camera = path(motion, width, height, _focus(faces, width, height), seconds, seed)
    sensor = Sensor(VIEW_WIDTH, VIEW_HEIGHT, seed) if kind in _NOISY else None

    def draw(index: int) -> SceneFrame:
        time_s = index / FPS
        view = camera(time_s)
        seen = cv2.warpAffine(
            image, view.matrix(), (VIEW_WIDTH, VIEW_HEIGHT), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        shown = cast("NDArray[np.uint8]", seen)
        if sensor is not None:
            shown = sensor.expose(shown, _light(kind, time_s / seconds))
        found = (_seen(number, face, view.box(face.box)) for number, face in enumerate(faces))
        return SceneFrame(shown, tuple(face for face in found if face is not None))

    return SceneClip(kind, picture.name, max(1, round(seconds * FPS)), draw)


def _material(kind: str, picture: MarkedPicture) -> tuple[NDArray[np.uint8] | None, tuple[MarkedFace, ...]]:
    """What is filmed: the picture with its faces, or a part without any; no more pixels than the view can show."""
    image, faces = picture.read(), picture.faces
    if kind == "empty":
        window = face_free(picture, image)
        if window is None:
            return None, ()
        image, faces = cut(image, window), ()
    elif not any(face.counts for face in faces):
        return None, ()
    height, width = image.shape[:2]
    factor = CLOSEST * max(VIEW_WIDTH / width, VIEW_HEIGHT / height)
    if factor >= 1:
        return image, faces
    size = round(width * factor), round(height * factor)
    reduced = cast("NDArray[np.uint8]", cv2.resize(image, size, interpolation=cv2.INTER_AREA))
    return reduced, tuple(replace(face, box=face.box.scaled(size[0] / width, size[1] / height)) for face in faces)


def _focus(faces: Sequence[MarkedFace], width: int, height: int) -> tuple[float, float]:
    """The mean of the faces' centres, or the picture's."""
    centres = [face.box.centre for face in faces if face.counts]
    if not centres:
        return width / 2, height / 2
    x, y = np.mean(centres, axis=0)
    return float(x), float(y)


def _light(kind: str, share: float) -> float:
    """Exposure falls and rises evenly in stops, down to a twentieth."""
    if kind != "ramp":
        return 1.0
    return float(_DARKEST ** (1 - abs(2 * share - 1)))


def _seen(number: int, face: MarkedFace, box: Box) -> TruthFace | None:
    """The face as the view has it; one of which too little is in view counts neither way."""
    width = min(box.x + box.width, VIEW_WIDTH) - max(box.x, 0.0)
    height = min(box.y + box.height, VIEW_HEIGHT) - max(box.y, 0.0)
    if width <= 0 or height <= 0:
        return None
    x, y = box.centre
    whole = 0 <= x < VIEW_WIDTH and 0 <= y < VIEW_HEIGHT and width * height >= _LEAST_IN_VIEW * box.area
    presence = Presence.VISIBLE if whole and face.counts else Presence.IGNORED
    return TruthFace(number, box, size_share(box, VIEW_WIDTH, VIEW_HEIGHT), presence)
