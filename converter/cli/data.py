"""The data that commands which train or convert need."""

from __future__ import annotations

from typing import TYPE_CHECKING

from converter.progress import say

if TYPE_CHECKING:
    from pathlib import Path

    from converter.datasets import FaceSet


def training_and_validation(data: Path, votes: Path | None) -> tuple[FaceSet, FaceSet]:
    """Training, less the rows to drop, and PublicTest; where there is no list of rows to drop, one line says so.

    The line goes to standard error.

    Raises:
        InputError: the data cannot be read or lacks one of the two.
    """
    from converter import datasets

    found = datasets.load_splits(data, ("Training", "PublicTest"), votes=votes)
    listed = datasets.drop_file(data)
    if not listed.is_file():
        say(
            f"{listed} is not there: pictures that recur in another split stay in training; face-convert prepare "
            "makes the list, to be put there",
            err=True,
        )
    return found["Training"], found["PublicTest"]
