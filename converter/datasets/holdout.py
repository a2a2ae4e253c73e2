"""Hold out a validation part of the training pictures for data without one.

The part is drawn by seed and stratified by emotion. Pictures of one subject stay together if the names identify
subjects, and so do equal or mirrored pictures: a network must not be measured on its training pictures.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from converter.datasets.groups import grouped, picture_keys
from converter.datasets.origin import HeldOut
from converter.datasets.subjects import known_pattern, subjects_of
from edge.core.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from converter.datasets.faces import FaceSet

LEAST = 12
"""Number of pictures below which nothing can be held out and little can be learnt."""
DEFAULT_SHARE = 0.1
_MOST = 0.5
"""Maximum share of the pictures in a single group."""


@dataclass(frozen=True, slots=True)
class HoldOut:
    """Rule for holding out a part: its ``share``, ``seed`` and the pattern that finds a subject in a name.

    Without a share a tenth is held out if the data has no validation part; with one, data that has its own is refused.
    Without a pattern, CK+'s and JAFFE's names are recognised.
    """

    share: float | None = None
    seed: int = 1
    subjects: str = ""
    repeated: bool = False
    """Whether the rule comes from an earlier run; then it is complete, and data with its own part is no mistake."""

    @property
    def is_requested(self) -> bool:
        """Return whether the user asked for a part to be held out."""
        return not self.repeated and (self.share is not None or bool(self.subjects))


def refuse_too_little(path: Path, training: FaceSet) -> None:
    """Refuse data that nothing can be learnt from.

    Raises:
        InputError: all training pictures show one emotion.
    """
    shown = [emotion for emotion, number in training.counts().items() if number]
    if len(shown) < 2:
        msg = f"{path}: all training pictures show {' '.join(shown) or 'nothing known'}: training needs two emotions"
        raise InputError(msg)


class Parts(NamedTuple):
    """Training pictures and held-out pictures."""

    training: FaceSet
    held_out: FaceSet


def hold_out(faces: FaceSet, rule: HoldOut, path: Path) -> Parts:
    """Divide ``faces``, read from ``path``, by ``rule``; both parts keep their order.

    Raises:
        InputError: there are too few pictures or subjects, or the pattern finds no subject.
    """
    if len(faces) < LEAST:
        msg = (
            f"{path}: holds {len(faces)} pictures and no validation part: at least {LEAST} are needed to hold some "
            "out; add pictures, or put some to choose by into a folder called valid"
        )
        raise InputError(msg)
    names = [str(name) for name in faces.names]
    pattern = rule.subjects or ("" if rule.repeated else known_pattern(names))
    subjects = subjects_of(names, pattern) if pattern else [""] * len(names)
    number = len(set(subjects) - {""})
    if pattern and number < 2:
        few = f"finds {number or 'no'} subject in names such as {names[0]!r}: it takes two to hold one out"
        msg = f"--subjects: {pattern!r} {few}"
        raise InputError(msg)
    share = DEFAULT_SHARE if rule.share is None else rule.share
    groups = grouped(picture_keys(faces.pixels), subjects)
    chosen = _chosen(faces.labels, groups, share, rule.seed)
    if not chosen.any():
        msg = f"{path}: no part can be held out: each of its {number} subjects has more than half of the pictures"
        raise InputError(msg)
    found = HeldOut(share, rule.seed, "subject" if pattern else "picture", pattern, number, int(faces.rows.max()) + 1)
    origin = None if faces.origin is None else replace(faces.origin, held_out=found)
    training, held = faces.take(~chosen), faces.take(chosen)
    return Parts(replace(training, origin=origin), replace(held, origin=origin, left_out={}, unreadable=()))


def _chosen(labels: NDArray[np.int64], groups: NDArray[np.int64], share: float, seed: int) -> NDArray[np.bool_]:
    """Return a mask ``(n,)`` of the pictures to hold out, as whole ``groups``, with each class close to its share."""
    counts = np.zeros((int(groups.max()) + 1, int(labels.max()) + 2), np.int64)
    np.add.at(counts, (groups, labels), 1)  # pictures without a label, -1, are the last class
    total = counts.sum(axis=0)
    target = share * total
    taken = np.zeros_like(total)
    marked = np.zeros(len(counts), bool)
    order = np.random.default_rng(seed).permutation(len(counts))

    def fits(group: int) -> bool:
        left = total - taken - counts[group]
        size = counts[group].sum()
        return bool((left[counts[group] > 0] > 0).all() and size <= _MOST * len(labels))

    def error_after(group: int | None = None) -> float:
        after = taken if group is None else taken + counts[group]
        return float((((target - after) ** 2) / np.maximum(target, 1)).sum())

    for group in order:
        if error_after(group) < error_after() and fits(group):
            marked[group] = True
            taken += counts[group]
    while taken.sum() < max(1, round(share * len(labels))):
        # a rare class has a share of less than half a picture: take the nearest group of any class
        left = [group for group in order if not marked[group] and fits(group)]
        if not left:
            break
        nearest = min(left, key=error_after)
        goal = share * len(labels)
        if taken.any() and abs(goal - taken.sum() - counts[nearest].sum()) >= abs(goal - taken.sum()):
            break
        marked[nearest] = True
        taken += counts[nearest]
    return np.asarray(marked[groups], np.bool_)
