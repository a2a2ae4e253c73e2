"""Splits of a data set, under FER2013's names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

TRAINING, PUBLIC, PRIVATE = "Training", "PublicTest", "PrivateTest"
ALL = "All"
"""Data set without splits."""
UNLABELLED = "Unlabelled"
"""Pictures without labels, such as those of Kaggle's ``test.csv``."""
SPLITS = (TRAINING, PUBLIC, PRIVATE, ALL, UNLABELLED)

_FOLDERS = {
    TRAINING: ("train", "training"),
    PUBLIC: ("valid", "val", "validation", "publictest"),
    PRIVATE: ("test", "testing", "privatetest"),
}
FOLDER_SPLITS = {name: split for split, names in _FOLDERS.items() for name in names}
"""Folder names of the splits, in lower case."""


class MissingSplitError(InputError):
    """The data set is valid but lacks the requested split."""


def check_split(split: str) -> None:
    """Refuse a name that is not in :data:`SPLITS`.

    Raises:
        InputError: it is not.
    """
    if split not in SPLITS:
        msg = f"unknown split {split!r}: expected one of {', '.join(SPLITS)}"
        raise InputError(msg)


def missing(path: Path, split: str, there: Iterable[str]) -> MissingSplitError:
    """Return the error that ``path`` has no pictures of ``split``, only of the splits in ``there``."""
    existing = [known for known in SPLITS if known in set(there)]
    if existing == [ALL]:
        return MissingSplitError(
            f"{path}: is in one piece, with no split {split}: it can be measured with --split {ALL}"
        )
    if split != UNLABELLED and UNLABELLED in existing:
        return MissingSplitError(
            f"{path}: the pictures of test.csv have no labels, so that there is no split {split} to measure or choose "
            f"by; use icml_face_data.csv, which has them"
        )
    return MissingSplitError(f"{path}: has no pictures of split {split}: it has {', '.join(existing) or 'none at all'}")
