"""The two heads of a network, and those that a data set can train."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

    from converter.datasets.faces import FaceSet

HEADS = ("fer2013", "consensus")
"""Order of the outputs: FER2013's original labels, and the distribution of the FER+ annotators' votes."""


def taught_by(faces: FaceSet, answered: Collection[str] = ()) -> tuple[str, ...]:
    """Return the heads that ``faces`` has labels or votes for, or that teachers have ``answered``, in order."""
    known = {"fer2013": bool((faces.labels >= 0).any()), "consensus": bool(faces.votes.any())}
    return tuple(head for head in HEADS if known[head] or head in answered)


def measured_by(faces: FaceSet) -> tuple[str, ...]:
    """Return the heads that ``faces`` has a true class for."""
    known = {"fer2013": bool((faces.labels >= 0).any()), "consensus": bool((faces.majority >= 0).any())}
    return tuple(head for head in HEADS if known[head])


def summary(heads: Collection[str]) -> str:
    """Return the heads of a model as text, with those that are missing."""
    lacking = [head for head in HEADS if head not in heads]
    why = " (no votes in its training data)" if "consensus" in lacking else ""
    return ", ".join(heads) + (f"; no {' and no '.join(lacking)} head{why}" if lacking else "")
