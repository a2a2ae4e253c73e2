"""Stage what a standing camera sees: somebody comes and goes, two pass each other, a face is covered for a while."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, cast

import cv2

from tests.bench.scenes.cut_outs import people
from tests.bench.scenes.paths import path
from tests.bench.scenes.scene_clip import (
    FPS,
    VIEW_HEIGHT,
    VIEW_WIDTH,
    SceneClip,
    SceneFrame,
    TruthFace,
    Visibility,
    in_view,
)
from tests.bench.scenes.sensor import Sensor, seed_of
from tests.bench.scenes.windows import cut, face_free

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from edge.core.types import Box
    from tests.bench.scenes.truth import MarkedPicture

STAGED_S = 6.0
"""Seconds of every staged clip: people's speed is part of the test."""
_SIZE = VIEW_HEIGHT * 0.18
_FARTHER = 0.85
_COVERED_SHARE = 0.4
_AWAY_S = (2.0, 4.0)
_BLUR_SHARE = 0.35


def staged_clip(kind: str, picture: MarkedPicture) -> SceneClip | None:
    """Return the clip of this kind, or ``None`` without a suitable face in the picture."""
    sensor = Sensor(VIEW_WIDTH, VIEW_HEIGHT, seed_of(picture.name, kind))
    draw = {"enter": _enter, "cross": _cross, "away": _away}[kind](picture)
    if draw is None:
        return None

    def noisy(index: int) -> SceneFrame:
        frame = draw(index / FPS)
        return replace(frame, image=sensor.expose(frame.image))

    return SceneClip(kind, picture.name, round(STAGED_S * FPS), noisy)


def _enter(picture: MarkedPicture) -> Callable[[float], SceneFrame] | None:
    """Stage a person who enters after half a second, stands in the middle from 1.8 s to 4 s, and leaves."""
    image = picture.read()
    found = people(picture, image, _SIZE, 1)
    if not found:
        return None
    room, person = _room(picture, image), found[0]

    def draw(time_s: float) -> SceneFrame:
        inside = _ease((time_s - 0.5) / 1.3) - _ease((time_s - 4.0) / 1.3)
        x = -person.width + inside * (VIEW_WIDTH * 0.45 + person.width)
        y = VIEW_HEIGHT * 0.45 + 4 * math.sin(math.tau * 1.5 * time_s)
        shown = room.copy()
        face = in_view(0, person.paste(shown, x, y))
        return SceneFrame(shown, () if face is None else (face,))

    return draw


def _cross(picture: MarkedPicture) -> Callable[[float], SceneFrame] | None:
    """Stage two people who change sides between 1 s and 5 s, the second in front of the first."""
    image = picture.read()
    found = people(picture, image, _SIZE, 2)
    if len(found) < 2:
        return None
    room = _room(picture, image)
    behind, before = found[0].scaled(_FARTHER), found[1]

    def draw(time_s: float) -> SceneFrame:
        x = VIEW_WIDTH * (0.2 + 0.6 * _ease((time_s - 1.0) / 4.0))
        shown = room.copy()
        far = behind.paste(shown, x, VIEW_HEIGHT * 0.42)
        near = before.paste(shown, VIEW_WIDTH - x, VIEW_HEIGHT * 0.45)
        faces = [face for face in (in_view(0, far), in_view(1, near)) if face is not None]
        return SceneFrame(shown, tuple(_behind(face, near) if face.number == 0 else face for face in faces))

    return draw


def _away(picture: MarkedPicture) -> Callable[[float], SceneFrame] | None:
    """Stage a standing view whose largest face is blurred from 2 s to 4 s."""
    image = picture.read()
    counted = [face for face in picture.faces if face.counts]
    if not counted:
        return None
    chosen = picture.faces.index(max(counted, key=lambda face: face.box.area))
    camera = path("still", (picture.width, picture.height), picture.faces[chosen].box.centre, seconds=STAGED_S, seed=0)
    view = camera(0.0)
    seen = cv2.warpAffine(image, view.matrix(), (VIEW_WIDTH, VIEW_HEIGHT), borderMode=cv2.BORDER_REPLICATE)
    shown = cast("NDArray[np.uint8]", seen)
    placed = (in_view(number, view.box(face.box), counts=face.counts) for number, face in enumerate(picture.faces))
    faces = tuple(face for face in placed if face is not None)
    hidden = tuple(replace(face, presence=Visibility.COVERED) if face.number == chosen else face for face in faces)
    covered = _blurred(shown, view.box(picture.faces[chosen].box))

    def draw(time_s: float) -> SceneFrame:
        away = _AWAY_S[0] <= time_s < _AWAY_S[1]
        return SceneFrame(covered, hidden) if away else SceneFrame(shown, faces)

    return draw


def _room(picture: MarkedPicture, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a view without a face: a part of the picture, or else the picture out of focus."""
    window = face_free(picture, image)
    size = (VIEW_WIDTH, VIEW_HEIGHT)
    if window is not None:
        return cast("NDArray[np.uint8]", cv2.resize(cut(image, window), size))
    return cast("NDArray[np.uint8]", cv2.GaussianBlur(cv2.resize(image, size), (0, 0), VIEW_HEIGHT / 12))


def _behind(face: TruthFace, near: Box) -> TruthFace:
    """Return the face, marked as covered if the nearer one hides much of it."""
    front = near.expanded(0.15)
    width = min(face.box.x + face.box.width, front.x + front.width) - max(face.box.x, front.x)
    height = min(face.box.y + face.box.height, front.y + front.height) - max(face.box.y, front.y)
    hidden = max(width, 0.0) * max(height, 0.0) > _COVERED_SHARE * face.box.area
    return replace(face, presence=Visibility.COVERED) if hidden else face


def _blurred(image: NDArray[np.uint8], box: Box) -> NDArray[np.uint8]:
    """Return the picture with the head around ``box`` out of focus."""
    head = box.expanded(0.25)
    sigma = _BLUR_SHARE * box.width
    left, top = max(0, round(head.x)), max(0, round(head.y))
    part = (slice(top, round(head.y + head.height)), slice(left, round(head.x + head.width)))
    covered = image.copy()
    covered[part] = cv2.GaussianBlur(image[part], (0, 0), sigma)
    return covered


def _ease(share: float) -> float:
    """Return a smooth transition from 0 to 1."""
    share = min(max(share, 0.0), 1.0)
    return share * share * (3 - 2 * share)
