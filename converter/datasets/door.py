"""Entry point for every kind of data set: recognise the format and load faces."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from converter.datasets import fer2013, folders, jaffe
from converter.datasets.classes import SEVEN_NAMES
from converter.datasets.drops import drop_file, without_listed
from converter.datasets.holdout import hold_out
from converter.datasets.origin import DataFile, DataOrigin
from converter.datasets.published import published_name
from converter.datasets.splits import ALL, PUBLIC, TRAINING, check_split, missing
from converter.datasets.votes import FILE as VOTES_FILE
from edge.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from converter.datasets.faces import FaceSet
    from converter.datasets.holdout import HoldOut
    from converter.datasets.mapping import LabelMapping
    from converter.datasets.source import Source


def load(
    path: Path,
    split: str,
    *,
    votes: Path | None = None,
    drop_duplicates: bool = True,
    rule: HoldOut | None = None,
    mapping: LabelMapping | None = None,
) -> FaceSet:
    """Load one split of the data set at ``path``, a file or folder of any known format.

    ``votes`` is FER+'s file if it is not beside the data. ``drop_duplicates`` removes from Training the rows listed in
    ``training_rows_to_drop.txt`` beside the data: pictures that recur in another split or are blank. With a ``rule``, a
    part is held out as PublicTest if the data has none. A ``mapping`` converts the data's classes to custom ones.

    Raises:
        InputError: the format is not recognised, the split is missing, or the data is damaged; the message names
            the row or file.
    """
    return load_splits(path, (split,), votes=votes, drop_duplicates=drop_duplicates, rule=rule, mapping=mapping)[split]


def load_splits(
    path: Path,
    splits: Sequence[str] | None = None,
    *,
    votes: Path | None = None,
    drop_duplicates: bool = True,
    rule: HoldOut | None = None,
    mapping: LabelMapping | None = None,
) -> dict[str, FaceSet]:
    """Load several splits in one pass, which saves time for CSV files; ``None`` loads all.

    Raises:
        InputError: as :func:`load`.
    """
    for split in splits or ():
        check_split(split)
    source = recognise(path, votes, mapping)
    faces_by_split = {split: faces for split, faces in source.read(_needed(splits, rule)).items() if len(faces)}
    if mapping is not None:
        faces_by_split = {split: mapping.apply(faces) for split, faces in faces_by_split.items()}
    faces_by_split = _with_origin(
        faces_by_split, path, source, drops=drop_duplicates and (TRAINING in faces_by_split or rule is not None)
    )
    if rule is not None and (splits is None or {TRAINING, PUBLIC} & set(splits)):
        faces_by_split = divided(faces_by_split, rule, path)
    if splits is not None:
        for split in splits:
            if split not in faces_by_split:
                there = [known for known, faces in source.read(None).items() if len(faces)]
                raise missing(path, split, there)
        faces_by_split = {split: faces_by_split[split] for split in splits}
    if not faces_by_split:
        msg = f"{path}: holds no pictures"
        raise InputError(msg)
    if drop_duplicates and TRAINING in faces_by_split:
        faces_by_split[TRAINING] = without_listed(path, faces_by_split[TRAINING])
    return faces_by_split


def recognise(path: Path, votes: Path | None = None, mapping: LabelMapping | None = None) -> Source:
    """Return the loader for the format of ``path``; folders may have the names of a ``mapping``.

    Raises:
        InputError: the format is unknown, or ``votes`` are given for data other than FER2013's.
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
    names = SEVEN_NAMES if mapping is None else mapping.class_names
    source = folders.find(path, names) or jaffe.find(path)
    if source is None:
        msg = (
            f"{path}: no data set found: looked for {', '.join(fer2013.WHOLE + fer2013.PARTS)} (plain or .gz), for "
            "folders called angry, disgust, ... and for JAFFE's pictures (KA.AN1.39.tiff); give the folder of the "
            "data set with --data"
        )
        raise InputError(folders.unknown_classes(path, names) or msg)
    if votes is not None:
        msg = f"{votes}: votes go with the rows of FER2013's CSV files; {path} is {source.form}"
        raise InputError(msg)
    return source


def _needed(splits: Sequence[str] | None, rule: HoldOut | None) -> set[str] | None:
    """Return the splits to read for the requested ones; a held-out part comes from another split."""
    if splits is None:
        return None
    requested = set(splits)
    return requested | {TRAINING, PUBLIC, ALL} if rule is not None and requested & {TRAINING, PUBLIC} else requested


def _with_origin(
    faces_by_split: Mapping[str, FaceSet], path: Path, source: Source, *, drops: bool
) -> dict[str, FaceSet]:
    listed = drop_file(path)
    used = [listed] if drops and listed.is_file() else []
    read = [*source.files, *([source.votes] if source.votes else []), *used]
    origin = DataOrigin(
        name=path.resolve().name,
        form=source.form,
        files=tuple(DataFile.of(file) for file in read),
        published=published_name(faces_by_split),
        votes=source.votes.name if source.votes else "",
        drops=listed.name if used else "",
        problems=source.problems,
    )
    return {split: replace(faces, origin=origin) for split, faces in faces_by_split.items()}


def divided(faces_by_split: dict[str, FaceSet], rule: HoldOut, path: Path) -> dict[str, FaceSet]:
    """Return the splits with a part held out as PublicTest, if there is none.

    Raises:
        InputError: a part was requested although there is one, or none can be held out.
    """
    if PUBLIC in faces_by_split:
        if rule.is_requested:
            count = len(faces_by_split[PUBLIC])
            msg = f"{path}: has {count} validation pictures: leave --validation-split and --subjects out"
            raise InputError(msg)
        return faces_by_split
    whole = faces_by_split.get(TRAINING, faces_by_split.get(ALL))
    if whole is None:
        return faces_by_split
    training, held_out = hold_out(whole, rule, path)
    others = {split: faces for split, faces in faces_by_split.items() if split not in {TRAINING, ALL}}
    return {TRAINING: training, PUBLIC: held_out, **others}
