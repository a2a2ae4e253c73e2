"""The list of training rows that must not be trained on, which lies beside the data."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from edge.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

    from converter.datasets.faces import FaceSet

FILE = "training_rows_to_drop.txt"


def drop_file(data: Path) -> Path:
    """Where the list belongs for a data set's file or folder."""
    return (data if data.is_dir() else data.parent) / FILE


def without_listed(data: Path, training: FaceSet) -> FaceSet:
    """The whole Training split less the rows that the list beside ``data`` names; all of it where there is no list.

    Raises:
        InputError: the list holds anything but numbers of rows that there are.
    """
    path = drop_file(data)
    if not path.is_file():
        return training
    n = len(training)
    try:
        dropped = [int(word) for word in path.read_text(encoding="utf-8").split()]
    except (OSError, ValueError) as error:
        msg = f"{path}: expected row numbers, one a line: {error}"
        raise InputError(msg) from error
    if dropped and not 0 <= min(dropped) <= max(dropped) < n:
        msg = f"{path}: expected row numbers 0..{n - 1}, found {min(dropped)}..{max(dropped)}"
        raise InputError(msg)
    keep = np.ones(n, bool)
    keep[dropped] = False
    left_out = {**training.left_out, "rows to drop": int(n - keep.sum())}
    return replace(training.take(keep), left_out=left_out)
