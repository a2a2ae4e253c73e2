"""Results as data: dictionaries for ``--json``, rows for ``--csv``, totals."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from edge.analysis.inputs import Item, Kind, printable
from edge.core.types import SEVEN

if TYPE_CHECKING:
    from edge.core.labels import LabelSet
    from edge.core.types import Face, Observation


def csv_columns(labels: LabelSet = SEVEN) -> tuple[str, ...]:
    """Return the columns of ``--csv`` for a model with the classes ``labels``."""
    return (
        *("path", "frame", "time_s", "width", "height", "faces", "face", "x", "y", "w", "h"),
        *("emotion", "confidence", "uncertain", "primary"),
        *map(str, labels),
    )


@dataclass(frozen=True, slots=True)
class Result:
    """Result of one picture, or of one frame of a video ``time_s`` after its first.

    ``done`` is the share of the item read so far, 0 to 1.
    """

    item: Item
    observation: Observation
    frame: int | None = None
    time_s: float | None = None
    done: float = 1.0


def shown_emotion(face: Face) -> str:
    """Return the emotion to show: the decided one, otherwise the most probable one."""
    return face.emotion or face.scores.top


def face_record(face: Face) -> dict[str, Any]:
    """Return one face as JSON values: the box in pixels; ``uncertain`` if no emotion was decided."""
    emotion = shown_emotion(face)
    return {
        "box": list(face.box.rounded()),
        "emotion": str(emotion),
        "confidence": round(face.scores[emotion], 4),
        "uncertain": face.emotion is None,
        "primary": face.primary,
        "scores": face.scores.as_dict(),
    }


def as_record(result: Result) -> dict[str, Any]:
    """Return the result of one picture or frame as JSON values."""
    seen = result.observation
    return {
        "path": printable(result.item.path),
        "frame": result.frame,
        "time_s": None if result.time_s is None else round(result.time_s, 3),
        "width": seen.frame_width,
        "height": seen.frame_height,
        "faces": [face_record(face) for face in seen.faces],
    }


def as_rows(result: Result) -> list[dict[str, Any]]:
    """Return one CSV row for each face; a picture without faces is one row with ``faces`` 0 only."""
    record = as_record(result)
    faces = record.pop("faces")
    common = {**record, "faces": len(faces)}
    rows = []
    for index, face in enumerate(faces):
        box, scores = face.pop("box"), face.pop("scores")
        rows.append({**common, "face": index, **dict(zip("xywh", box, strict=True)), **face, **scores})
    return rows or [common]


@dataclass(slots=True)
class Totals:
    """Counts over one item or a whole run."""

    pictures: int = 0
    frames: int = 0
    frames_with_faces: int = 0
    faces: int = 0
    video_s: float = 0.0
    emotions: Counter[str] = field(default_factory=Counter)
    last: Result | None = None

    def add(self, result: Result) -> None:
        """Count one result."""
        self.last = result
        faces = result.observation.faces
        if result.item.kind is Kind.PICTURE:
            self.pictures += 1
        else:
            self.frames += 1
            self.frames_with_faces += bool(faces)
        self.faces += len(faces)
        self.emotions.update(shown_emotion(face) for face in faces)

    def shares(self) -> list[tuple[str, float]]:
        """Return the share of each emotion among the faces, most frequent first."""
        return [(emotion, count / self.faces) for emotion, count in self.emotions.most_common()]
