"""The one door to every kind of data set: it recognises the format and hands back faces."""

from __future__ import annotations

from typing import TYPE_CHECKING

from converter.datasets import fer2013, folders, jaffe
from converter.datasets.drops import without_listed
from converter.datasets.splits import TRAINING, check_split, missing
from converter.datasets.votes import FILE as VOTES_FILE
from edge.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from converter.datasets.faces import FaceSet
    from converter.datasets.source import Source


def load(path: Path, split: str, *, votes: Path | None = None, drop_duplicates: bool = True) -> FaceSet:
    """One split of the data set at ``path``, a file or folder of any known format.

    ``votes`` is FER+'s file where it does not lie beside the data. ``drop_duplicates`` leaves out of Training the
    rows listed in ``training_rows_to_drop.txt`` beside the data, pictures that recur in another split or are blank.

    Raises:
        InputError: the format is not recognised, the split is not there, or the data is damaged; the message names
            the row or file.
    """
    return load_splits(path, (split,), votes=votes, drop_duplicates=drop_duplicates)[split]


def load_splits(
    path: Path, splits: Sequence[str] | None = None, *, votes: Path | None = None, drop_duplicates: bool = True
) -> dict[str, FaceSet]:
    """Several splits in one reading, which for CSV files is what takes the time; ``None``: all there are.

    Raises:
        InputError: as :func:`load`.
    """
    for split in splits or ():
        check_split(split)
    source = recognise(path, votes)
    found = {split: faces for split, faces in source.read(splits).items() if len(faces)}
    for split in splits or ():
        if split not in found:
            there = [known for known, faces in source.read(None).items() if len(faces)]
            raise missing(path, split, there)
    if not found:
        msg = f"{path}: holds no pictures"
        raise InputError(msg)
    if drop_duplicates and TRAINING in found:
        found[TRAINING] = without_listed(path, found[TRAINING])
    return found


def recognise(path: Path, votes: Path | None = None) -> Source:
    """The format of ``path``.

    Raises:
        InputError: it is none of those known, or ``votes`` are given for another than FER2013's.
    """
    if not path.exists():
        msg = f"{path}: does not exist; give the folder of the data set with --data"
        raise InputError(msg)
    if votes is not None and not votes.is_file():
        msg = f"{votes}: does not exist; give FER+'s {VOTES_FILE} with --votes"
        raise InputError(msg)
    source = fer2013.find(path, votes)
    if source is not None:
        return source
    source = folders.find(path) or jaffe.find(path)
    if source is None:
        msg = (
            f"{path}: no data set found: looked for {', '.join(fer2013.WHOLE + fer2013.PARTS)} (plain or .gz), for "
            "folders called angry, disgust, ... and for JAFFE's pictures (KA.AN1.39.tiff); give the folder of the "
            "data set with --data"
        )
        raise InputError(msg)
    if votes is not None:
        msg = f"{votes}: votes go with the rows of FER2013's CSV files; {path} is {source.form}"
        raise InputError(msg)
    return source
