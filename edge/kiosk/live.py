"""Live figures for pages, as plain values for JSON (pure)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edge.audience.group_state import summarise
from edge.core.events import LookKind

if TYPE_CHECKING:
    from edge.core.events import Look
    from edge.core.types import Box, Face, Observation
    from edge.vision.reach import Reach


def mood(look: Look, observation: Observation | None, *, k: int, taken_ms: float | None) -> dict[str, Any]:
    """Return the group's figures: ``scores`` in label order, ``None`` with fewer than ``k`` people in view.

    ``taken_ms`` is the frame's time, Unix milliseconds.
    """
    group = summarise(() if observation is None else observation.faces, k=k)
    shown = None if group.suppressed else look.emotion
    return {
        "t": taken_ms,
        "kind": LookKind.UNCERTAIN.value if group.suppressed else look.kind.value,
        "emotion": None if shown is None else str(shown),
        "confidence": round(look.confidence, 3) if shown is not None else None,
        "people": group.people,
        "scores": None if group.scores is None else [round(score, 3) for score in group.scores],
        "valence": None if group.valence is None else round(group.valence, 3),
        "suppressed": group.suppressed,
    }


def faces(observation: Observation | None, *, k: int) -> dict[str, Any]:
    """Each face's place in shares of the picture; no expression where fewer than ``k`` are in view."""
    if observation is None:
        return {"aspect": None, "faces": []}
    width, height = observation.frame_width, observation.frame_height
    told = len(observation.faces) >= k
    return {
        "aspect": round(width / height, 4),
        "faces": [_face(face, _shares(face.box, width, height), told=told) for face in observation.faces],
    }


def reach(found: Reach) -> dict[str, Any]:
    """Return the size in pixels of the smallest face that is found, and its distance in metres by lens."""
    return {"pixels": found.face_px, "metres": {lens.key: round(metres, 1) for lens, metres in found.metres}}


def _face(face: Face, box: list[float], *, told: bool) -> dict[str, Any]:
    emotion = face.emotion if told else None
    return {
        "id": face.track_id,
        "box": box,
        "emotion": None if emotion is None else str(emotion),
        "confidence": round(face.confidence, 3) if told else None,
        "primary": face.primary,
    }


def _shares(box: Box, width: int, height: int) -> list[float]:
    values = (box.x / width, box.y / height, box.width / width, box.height / height)
    return [round(value, 4) for value in values]
