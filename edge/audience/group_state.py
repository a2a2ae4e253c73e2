"""State of the group from single faces: mean scores and valence, withheld below ``k`` people (pure)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from edge.core.types import Scores

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge.core.types import Face


@dataclass(frozen=True, slots=True)
class GroupState:
    """Figures of the group at one moment; ``scores`` and ``valence`` are ``None`` without people or if withheld."""

    people: int
    scores: Scores | None
    valence: float | None
    suppressed: bool


def summarise(faces: Sequence[Face], *, k: int = 1) -> GroupState:
    """Return the unweighted mean over ``faces``; it is withheld for 1 to ``k - 1`` people."""
    people = len(faces)
    if people == 0:
        return GroupState(0, None, None, suppressed=False)
    if people < k:
        return GroupState(people, None, None, suppressed=True)
    labels = faces[0].scores.labels
    scores = Scores.of((sum(column) / people for column in zip(*(face.scores for face in faces), strict=True)), labels)
    return GroupState(people, scores, valence_of(scores), suppressed=False)


def valence_of(scores: Scores) -> float:
    """Return pleasant minus unpleasant, -1 to 1, by the label set's weights.

    For the usual seven it is happy minus the sum of angry, disgust, fear and sad; the others count zero.
    """
    return scores.labels.valence(scores)
