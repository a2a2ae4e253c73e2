"""Draw an observation onto a picture: a box, the emotion's name and one bar per class for each face.

Sizes follow the picture's. Boxes have a dark rim and text has a ground of its own: both are clear on light and dark.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from edge.analysis.records import shown_emotion
from edge.core.types import SEVEN, Box, Emotion

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edge.core.labels import LabelSet
    from edge.core.types import Face, Observation

Colour = tuple[int, int, int]
COLOURS: dict[str, Colour] = {  # BGR, of like lightness, told apart also by most colour-blind people
    Emotion.ANGRY: (70, 80, 245),
    Emotion.DISGUST: (80, 190, 130),
    Emotion.FEAR: (230, 130, 180),
    Emotion.HAPPY: (60, 205, 250),
    Emotion.SAD: (245, 165, 80),
    Emotion.SURPRISE: (240, 225, 90),
    Emotion.NEUTRAL: (205, 205, 205),
}


def colour_of(name: str, labels: LabelSet = SEVEN) -> Colour:
    """Return the class's colour: from the table for the default seven, a lightened one for custom classes."""
    if labels == SEVEN:
        return COLOURS[name]
    red, green, blue = (127 + level // 2 for level in labels.label(name).rgb)
    return blue, green, red


_DARK: Colour = (24, 24, 24)
_WHITE: Colour = (255, 255, 255)
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_PANEL_OPACITY = 0.75
_ROWS_NEED_PX = 9


@dataclass(frozen=True, slots=True)
class _Scale:
    """Sizes in pixels for one face."""

    text: int
    stroke: int

    @property
    def font(self) -> float:
        """Scale of OpenCV's font for capitals ``text`` pixels high (simplex capitals are 21 pixels at scale 1)."""
        return self.text / 21

    @property
    def pen(self) -> int:
        """Stroke width of the letters in pixels."""
        return max(1, round(self.text / 9))


def annotate(image: NDArray[np.uint8], observation: Observation) -> NDArray[np.uint8]:
    """Return a copy of ``image`` (h, w, 3), BGR uint8, with every face marked; grey images (h, w) become BGR."""
    canvas = cv2.cvtColor(image, cv2.COLOR_GRAY2BGR) if image.ndim == 2 else image.copy()
    drawn: NDArray[np.uint8] = canvas.astype(np.uint8, copy=False)
    # one layer after the other: no box may cross another face's text, no panel hide a name
    for draw in (_draw_box, _draw_bars, _draw_label):
        for face in observation.faces:
            draw(drawn, face, _scale_of(drawn, face))
    return drawn


def _scale_of(image: NDArray[np.uint8], face: Face) -> _Scale:
    shorter = min(image.shape[:2])
    by_picture = shorter * 0.022
    by_face = face.box.width * 0.09
    return _Scale(
        text=max(8, round(min(by_picture, max(by_face, 9)))),
        stroke=max(1, round(min(shorter / 360, face.box.width / 40))),
    )


def _draw_box(image: NDArray[np.uint8], face: Face, scale: _Scale) -> None:
    x, y, width, height = face.box.rounded()
    corners = (x, y), (x + width, y + height)
    cv2.rectangle(image, *corners, _DARK, scale.stroke * 3, cv2.LINE_AA)
    colour = colour_of(shown_emotion(face), face.scores.labels)
    cv2.rectangle(image, *corners, colour, scale.stroke * (2 if face.primary else 1), cv2.LINE_AA)


def _draw_label(image: NDArray[np.uint8], face: Face, scale: _Scale) -> None:
    emotion = shown_emotion(face)
    text = f"{emotion}{'?' if face.emotion is None else ''} {face.scores[emotion]:.0%}"
    (width, height), _ = cv2.getTextSize(text, _FONT, scale.font, scale.pen)
    pad = max(2, scale.text // 3)
    panel = Box(face.box.x, face.box.y - height - 2 * pad - scale.stroke, width + 2 * pad, height + 2 * pad)
    x, y, across, down = _inside(panel, image).rounded()
    cv2.rectangle(image, (x, y), (x + across, y + down), colour_of(emotion, face.scores.labels), cv2.FILLED)
    cv2.putText(image, text, (x + pad, y + pad + height), _FONT, scale.font, _DARK, scale.pen, cv2.LINE_AA)


def _draw_bars(image: NDArray[np.uint8], face: Face, scale: _Scale) -> None:
    row = max(round(scale.text * 1.6), _ROWS_NEED_PX)
    if face.box.height >= 5 * row:
        _draw_named_bars(image, face, scale, row)
    else:
        _draw_small_bars(image, face, scale)


def _draw_named_bars(image: NDArray[np.uint8], face: Face, scale: _Scale, row: int) -> None:
    """Draw a panel beside the face with name and bar of each emotion."""
    labels = face.scores.labels
    names = max(cv2.getTextSize(str(name), _FONT, scale.font, scale.pen)[0][0] for name in labels)
    pad = max(2, scale.text // 3)
    length = scale.text * 5
    gap = 2 * scale.stroke + 1
    panel = Box(face.box.x + face.box.width + gap, face.box.y, names + length + 3 * pad, len(labels) * row + 2 * pad)
    if panel.x + panel.width > image.shape[1]:
        panel = Box(face.box.x - gap - panel.width, panel.y, panel.width, panel.height)
    panel = _inside(panel, image)
    _shade(image, panel)
    left, top = round(panel.x) + pad, round(panel.y) + pad
    for index, emotion in enumerate(labels):
        base = top + index * row + round((row + scale.text) / 2)
        cv2.putText(image, str(emotion), (left, base), _FONT, scale.font, _WHITE, scale.pen, cv2.LINE_AA)
        start = left + names + pad
        end = start + max(1, round(length * face.scores[emotion]))
        cv2.rectangle(image, (start, base - scale.text), (end, base), colour_of(emotion, labels), cv2.FILLED)


def _draw_small_bars(image: NDArray[np.uint8], face: Face, scale: _Scale) -> None:
    """Draw vertical bars without names below a small face, in the order of the labels."""
    height = max(8, round(face.box.height * 0.35))
    panel = Box(
        face.box.x,
        face.box.y + face.box.height + 2 * scale.stroke,
        max(face.box.width, 3 * len(face.scores.labels)),
        height + 2,
    )
    panel = _inside(panel, image)
    _shade(image, panel)
    labels = face.scores.labels
    step = panel.width / len(labels)
    floor = round(panel.y + panel.height) - 1
    for index, emotion in enumerate(labels):
        left, right = round(panel.x + index * step) + 1, round(panel.x + (index + 1) * step) - 1
        top = floor - max(1, round((height - 1) * face.scores[emotion]))
        cv2.rectangle(image, (left, top), (max(left, right - 1), floor), colour_of(emotion, labels), cv2.FILLED)


def _inside(panel: Box, image: NDArray[np.uint8]) -> Box:
    """Move a rectangle into the picture as far as it fits, without shrinking it."""
    height, width = image.shape[:2]
    x = max(0.0, min(panel.x, width - panel.width))
    y = max(0.0, min(panel.y, height - panel.height))
    return Box(x, y, panel.width, panel.height)


def _shade(image: NDArray[np.uint8], panel: Box) -> None:
    x, y, width, height = panel.rounded()
    area = image[max(0, y) : y + height, max(0, x) : x + width]
    if area.size:
        ground = np.full_like(area, _DARK[0])
        cv2.addWeighted(ground, _PANEL_OPACITY, area, 1 - _PANEL_OPACITY, 0, dst=area)
