"""List of training rows to drop, stored beside the data."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from converter.datasets.splits import TRAINING
from edge.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from converter.datasets.faces import FaceSet

FILE = "training_rows_to_drop.txt"


def drop_file(data: Path) -> Path:
    """Return the path of the list for a data set's file or folder."""
    return (data if data.is_dir() else data.parent) / FILE


def listed_rows(data: Path, splits: Mapping[str, FaceSet]) -> NDArray[np.int64] | None:
    """Return the rows in the list beside ``data``, or ``None`` without a list or without Training in ``splits``.

    Row numbers refer to the complete split that Training comes from: itself, or the one that it was divided from.

    Raises:
        InputError: the list holds anything but valid row numbers.
    """
    path = drop_file(data)
    if not path.is_file() or TRAINING not in splits:
        return None
    n = _rows_in_all(splits[TRAINING])
    try:
        dropped = [int(word) for word in path.read_text(encoding="utf-8").split()]
    except (OSError, ValueError) as error:
        msg = f"{path}: expected row numbers, one a line: {error}"
        raise InputError(msg) from error
    if dropped and not 0 <= min(dropped) <= max(dropped) < n:
        msg = f"{path}: expected row numbers 0..{n - 1}, found {min(dropped)}..{max(dropped)}"
        raise InputError(msg)
    return np.unique(np.array(dropped, np.int64))


def without_listed(data: Path, training: FaceSet) -> FaceSet:
    """Return the Training pictures without those in the list beside ``data``; all of them without a list.

    Raises:
        InputError: as :func:`listed_rows`.
    """
    dropped = listed_rows(data, {TRAINING: training})
    if dropped is None:
        return training
    listed = np.isin(training.rows, dropped)
    return replace(training.take(~listed), left_out={**training.left_out, "rows to drop": int(listed.sum())})


def _rows_in_all(training: FaceSet) -> int:
    held_out = training.origin.held_out if training.origin is not None else None
    return held_out.rows if held_out is not None else int(training.rows.max(initial=-1)) + 1
