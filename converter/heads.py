"""The two questions that a network may answer about a face, and which of them a data set can teach."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

    from converter.datasets.faces import FaceSet

HEADS = ("fer2013", "consensus")
"""Order of the outputs: FER2013's original labels, and the FER+ annotators' distribution."""


def taught_by(faces: FaceSet, answered: Collection[str] = ()) -> tuple[str, ...]:
    """The heads that ``faces`` have labels or votes for, or that teachers have ``answered``, in order."""
    known = {"fer2013": bool((faces.labels >= 0).any()), "consensus": bool(faces.votes.any())}
    return tuple(head for head in HEADS if known[head] or head in answered)


def measured_by(faces: FaceSet) -> tuple[str, ...]:
    """The heads that ``faces`` can measure: those for which anything counts as right."""
    known = {"fer2013": bool((faces.labels >= 0).any()), "consensus": bool((faces.majority >= 0).any())}
    return tuple(head for head in HEADS if known[head])


def summary(heads: Collection[str]) -> str:
    """The heads of a model in words, and what it lacks."""
    lacking = [head for head in HEADS if head not in heads]
    why = " (no votes in its training data)" if "consensus" in lacking else ""
    return ", ".join(heads) + (f"; no {' and no '.join(lacking)} head{why}" if lacking else "")
