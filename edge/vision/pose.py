"""Pose of the head from a face's landmarks: its tilt, and whether it is turned towards the camera (pure)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edge.core.types import Landmarks

LEAST_ROLL = 8.0
"""Tilt in degrees, measured by the eyes, from which on the crop is rotated upright. YuNet measures half of a head's
tilt; on PublicTest tilted by 20 degrees the rotation improves the network's accuracy by 2 points, on upright faces not
at all (docs/crop-margin.md)."""
_MOST_ROLL = 60.0
"""Largest tilt, in degrees; a larger one is more likely an error of the landmarks."""
FACING = 0.55
"""Largest distance of the nose from the middle between the eyes, in halves of the eyes' distance, at which the head
faces the camera: about 35 degrees."""
_COINCIDE = 1e-6


def tilt_of(landmarks: Landmarks) -> float:
    """Return the head's tilt in degrees, measured by the eyes; positive is clockwise in the picture."""
    (right_x, right_y), (left_x, left_y) = landmarks[0], landmarks[1]
    return math.degrees(math.atan2(left_y - right_y, left_x - right_x))


def turn_of(landmarks: Landmarks) -> float:
    """Return the distance of the nose from the middle between the eyes, in halves of the eyes' distance.

    It is 0 for a frontal face and infinite if the eyes coincide. It is measured along the line of the eyes, so that it
    does not depend on the tilt.
    """
    right, left, nose = landmarks[0], landmarks[1], landmarks[2]
    across, down = left[0] - right[0], left[1] - right[1]
    length = math.hypot(across, down)
    if length < _COINCIDE:
        return math.inf
    middle = ((right[0] + left[0]) / 2, (right[1] + left[1]) / 2)
    off = ((nose[0] - middle[0]) * across + (nose[1] - middle[1]) * down) / length
    return 2 * off / length


def roll_of(landmarks: Landmarks | None) -> float:
    """Return the tilt by which the crop is rotated back, in degrees; 0 if that brings no improvement."""
    if landmarks is None:
        return 0.0
    degrees = tilt_of(landmarks)
    return degrees if LEAST_ROLL <= abs(degrees) <= _MOST_ROLL else 0.0


def is_facing(landmarks: Landmarks | None) -> bool:
    """Return whether the head is turned towards the camera; detectors without landmarks only find frontal faces."""
    return landmarks is None or abs(turn_of(landmarks)) <= FACING
