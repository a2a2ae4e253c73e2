"""Film a marked picture with a camera that stands, shakes, pans, zooms, or sees the light go down and up."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, cast

import cv2
import numpy as np

from tests.bench.scenes.paths import CLOSEST, path
from tests.bench.scenes.scene_clip import EMPTY, FPS, VIEW_HEIGHT, VIEW_WIDTH, SceneClip, SceneFrame, in_view
from tests.bench.scenes.sensor import Sensor, seed_of
from tests.bench.scenes.windows import cut, face_free

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from tests.bench.scenes.truth import MarkedFace, MarkedPicture

_NOISY = frozenset({"still", "ramp"})
_DARKEST = 0.05


def camera_clip(kind: str, picture: MarkedPicture, seconds: float) -> SceneClip | None:
    """Return the clip of this kind, or ``None`` without faces in the picture, or for ``empty`` without free space."""
    image, faces = _material(kind, picture)
    if image is None:
        return None
    height, width = image.shape[:2]
    seed = seed_of(picture.name, kind)
    motion = "handheld" if kind == EMPTY else kind
    camera = path(motion, (width, height), _focus(faces, width, height), seconds=seconds, seed=seed)
    sensor = Sensor(VIEW_WIDTH, VIEW_HEIGHT, seed) if kind in _NOISY else None

    def draw(index: int) -> SceneFrame:
        view = camera(index / FPS)
        seen = cv2.warpAffine(
            image, view.matrix(), (VIEW_WIDTH, VIEW_HEIGHT), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        shown = cast("NDArray[np.uint8]", seen)
        if sensor is not None:
            shown = sensor.expose(shown, _light(kind, index / FPS / seconds))
        placed = (in_view(number, view.box(face.box), counts=face.counts) for number, face in enumerate(faces))
        return SceneFrame(shown, tuple(face for face in placed if face is not None))

    return SceneClip(kind, picture.name, max(1, round(seconds * FPS)), draw)


def _material(kind: str, picture: MarkedPicture) -> tuple[NDArray[np.uint8] | None, tuple[MarkedFace, ...]]:
    """Return the picture with its faces, or a part without any, with no more pixels than the view can show."""
    image, faces = picture.read(), picture.faces
    if kind == EMPTY:
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
    """Return the mean of the faces' centres, or the picture's centre."""
    centres = [face.box.centre for face in faces if face.counts]
    if not centres:
        return width / 2, height / 2
    x, y = np.mean(centres, axis=0)
    return float(x), float(y)


def _light(kind: str, share: float) -> float:
    """Return an exposure that falls and rises evenly in stops, down to a twentieth."""
    if kind != "ramp":
        return 1.0
    return float(_DARKEST ** (1 - abs(2 * share - 1)))
