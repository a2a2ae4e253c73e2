"""The parts that a data set comes in, under FER2013's names for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

TRAINING, PUBLIC, PRIVATE = "Training", "PublicTest", "PrivateTest"
ALL = "All"
"""The whole of a data set that comes in one piece."""
UNLABELLED = "Unlabelled"
"""Pictures without labels, such as those of Kaggle's ``test.csv``."""
SPLITS = (TRAINING, PUBLIC, PRIVATE, ALL, UNLABELLED)

_FOLDERS = {
    TRAINING: ("train", "training"),
    PUBLIC: ("valid", "val", "validation", "publictest"),
    PRIVATE: ("test", "testing", "privatetest"),
}
FOLDER_SPLITS = {name: split for split, names in _FOLDERS.items() for name in names}
"""What folders of a split are called, in small letters."""


class MissingSplitError(InputError):
    """The data set is sound but lacks the split that was asked for."""


def check_split(split: str) -> None:
    """Refuse a name that is none of :data:`SPLITS`.

    Raises:
        InputError: it is none.
    """
    if split not in SPLITS:
        msg = f"unknown split {split!r}: expected one of {', '.join(SPLITS)}"
        raise InputError(msg)


def missing(path: Path, split: str, there: Iterable[str]) -> MissingSplitError:
    """The error that ``path`` has no pictures of ``split``, only of the splits that are ``there``."""
    found = [known for known in SPLITS if known in set(there)]
    if found == [ALL]:
        return MissingSplitError(
            f"{path}: is in one piece, with no split {split}: it can be measured with --split {ALL}"
        )
    if split != UNLABELLED and UNLABELLED in found:
        return MissingSplitError(
            f"{path}: the pictures of test.csv have no labels, so that there is no split {split} to measure or choose "
            f"by; use icml_face_data.csv, which has them"
        )
    return MissingSplitError(f"{path}: has no pictures of split {split}: it has {', '.join(found) or 'none at all'}")
