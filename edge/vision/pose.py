"""What a face's landmarks say of the head: its tilt, and whether it is turned towards the camera (pure)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edge.core.types import Landmarks

LEAST_ROLL = 8.0
"""Tilt in degrees, read off the eyes, from which the crop is turned upright. YuNet reads half of a head's tilt; on
PublicTest tilted by 20 degrees the network gains 2 points of accuracy by the turn, on upright faces nothing
(docs/crop-margin.md)."""
_MOST_ROLL = 60.0
"""A larger tilt is more likely a mistake of the landmarks."""
FACING = 0.55
"""How far the nose may be from the middle between the eyes, in halves of the eyes' distance, before the head counts as
turned away: about 35 degrees."""
_COINCIDE = 1e-6


def tilt_of(landmarks: Landmarks) -> float:
    """Return the head's tilt in degrees, read off the eyes; positive is clockwise in the picture."""
    (right_x, right_y), (left_x, left_y) = landmarks[0], landmarks[1]
    return math.degrees(math.atan2(left_y - right_y, left_x - right_x))


def turn_of(landmarks: Landmarks) -> float:
    """Return how far the nose is from the middle between the eyes, in halves of the eyes' distance.

    0 is a face seen from the front, infinity one whose eyes coincide. It is measured along the line of the eyes, so
    that a tilted head is judged alike.
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
    """Return the tilt by which the crop is turned back, in degrees; 0 where it does not pay."""
    if landmarks is None:
        return 0.0
    degrees = tilt_of(landmarks)
    return degrees if LEAST_ROLL <= abs(degrees) <= _MOST_ROLL else 0.0


def is_facing(landmarks: Landmarks | None) -> bool:
    """Return whether the head is turned towards the camera; without landmarks the detector is a frontal one."""
    return landmarks is None or abs(turn_of(landmarks)) <= FACING
