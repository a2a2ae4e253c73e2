"""Results of an examination as plain values, as lines to read and as a table of pairs."""

from __future__ import annotations

import csv
import io
import itertools
from typing import TYPE_CHECKING, Any

import numpy as np

from converter.datasets.faces import count
from converter.datasets.splits import TRAINING
from edge.core.types import EMOTIONS
from edge.util.text import cell

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from converter.datasets.faces import FaceSet
    from converter.prepare.examine import DataExamination

_LISTED = 20


def as_dict(found: DataExamination, listed: NDArray[np.int64] | None = None) -> dict[str, Any]:
    """Return all figures; ``listed`` are the rows already in the list beside the data."""
    pairs = itertools.combinations_with_replacement(found.splits, 2)
    rows = found.rows_to_drop()
    return {
        "splits": {split: _split(found, split, faces) for split, faces in found.splits.items()},
        "duplicates": [_duplicates(found, first, second) for first, second in pairs],
        "training_rows_to_drop": {
            "rows": len(rows),
            "blank": int((found.blank & found.of(TRAINING)).sum()) if TRAINING in found.splits else 0,
            "list_beside_the_data": None if listed is None else _agreement(rows, listed),
        },
    }


def _split(found: DataExamination, split: str, faces: FaceSet) -> dict[str, Any]:
    mine = found.of(split)
    return {
        "pictures": len(faces),
        "labels": faces.counts(),
        "unlabelled": int((faces.labels < 0).sum()),
        "majority": count(faces.majority) if faces.votes.any() else None,
        "without_majority": int((faces.majority < 0).sum()) if faces.votes.any() else None,
        "left_out": dict(faces.left_out),
        "blank": _named(faces, found.blank[mine]),
        "no_face_by_votes": _named(faces, found.no_face[mine]),
    }


def _named(faces: FaceSet, marks: NDArray[np.bool_]) -> dict[str, Any]:
    return {"count": int(marks.sum()), "names": faces.names[marks].tolist()}


def _duplicates(found: DataExamination, first: str, second: str) -> dict[str, Any]:
    numbers = [list(found.splits).index(split) for split in (first, second)]
    owners = np.stack([found.owner[found.pairs.first], found.owner[found.pairs.second]])
    pairs = found.pairs.take((np.sort(owners, axis=0) == np.sort(numbers)[:, None]).all(axis=0))
    labels = [(found.label(i), found.label(j)) for i, j in zip(pairs.first, pairs.second, strict=True)]
    return {
        "splits": [first, second],
        "pairs": len(pairs),
        "exact": int((pairs.exact & ~pairs.mirrored).sum()),
        "mirrored": int(pairs.mirrored.sum()),
        "near": int((~pairs.exact & ~pairs.mirrored).sum()),
        "labels_differ": sum(i != j for i, j in labels if min(i, j) >= 0),
        "pictures": [int(found.recurring(*order).sum()) for order in ((first, second), (second, first))],
    }


def _agreement(rows: NDArray[np.int64], listed: NDArray[np.int64]) -> dict[str, int]:
    both = len(np.intersect1d(rows, listed))
    return {"rows": len(listed), "in_both": both, "only_found": len(rows) - both, "only_listed": len(listed) - both}


def lines(figures: Mapping[str, Any]) -> Iterator[str]:
    """Yield the figures as lines for a terminal."""
    splits = figures["splits"]
    columns = [(name, row["labels"]) for name, row in splits.items()]
    columns += [(f"{name} by FER+", row["majority"]) for name, row in splits.items() if row["majority"]]
    yield "emotion".ljust(10) + "".join(f"{name:>22}" for name, _ in columns)
    for emotion in EMOTIONS:
        yield emotion.ljust(10) + "".join(f"{counts[emotion]:>22,}" for _, counts in columns)
    yield "together".ljust(10) + "".join(f"{sum(counts.values()):>22,}" for _, counts in columns)
    for name, row in splits.items():
        yield from _remarks(name, row)
    for row in figures["duplicates"]:
        if row["pairs"]:
            yield _recurring(row)
    drop = figures["training_rows_to_drop"]
    yield f"{drop['rows']:,} rows of Training recur in another split or are blank"
    listed = drop["list_beside_the_data"]
    if listed:
        yield (
            f"  the list beside the data has {listed['rows']:,}: {listed['in_both']:,} in both, "
            f"{listed['only_found']:,} only found here, {listed['only_listed']:,} only there"
        )


def _remarks(name: str, row: Mapping[str, Any]) -> Iterator[str]:
    if row["unlabelled"]:
        yield f"{name}: {row['unlabelled']:,} pictures have no label: nothing can be measured on them"
    for reason, number in row["left_out"].items():
        yield f"{name}: {number:,} left out: {reason}"
    if row["without_majority"]:
        yield f"{name}: {row['without_majority']:,} without a majority for one of the seven"
    for key, what in (("blank", "blank"), ("no_face_by_votes", "no face to most annotators")):
        if row[key]["count"]:
            names = row[key]["names"]
            more = "" if len(names) <= _LISTED else ", ..."
            yield f"{name}: {row[key]['count']:,} {what}: {', '.join(names[:_LISTED])}{more}"


def _recurring(row: Mapping[str, Any]) -> str:
    first, second = row["splits"]
    kinds = f"{row['pairs']:,} pairs: {row['exact']:,} exact, {row['near']:,} near, {row['mirrored']:,} mirrored"
    differ = f"labels differ in {row['labels_differ']:,}"
    if first == second:
        return f"within {first}: {row['pictures'][0]:,} pictures recur ({kinds}; {differ})"
    counts = f"{row['pictures'][0]:,} pictures of {first} recur in {second}, {row['pictures'][1]:,} the other way round"
    return f"{counts} ({kinds}; {differ})"


def pair_table(found: DataExamination) -> str:
    """Return all pairs as CSV, those of different splits first, each in descending order of similarity."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["split", "picture", "label", "other_split", "other_picture", "other_label", "kind", "likeness"])
    pairs = found.pairs
    within = found.owner[pairs.first] == found.owner[pairs.second]
    for row in np.lexsort((pairs.second, pairs.first, -pairs.likeness, within)):
        i, j = int(pairs.first[row]), int(pairs.second[row])
        kind = ("exact" if pairs.exact[row] else "near") + (" mirrored" if pairs.mirrored[row] else "")
        left, right = ((*found.name(index), _emotion(found.label(index))) for index in (i, j))
        writer.writerow([*map(cell, (*left, *right)), kind, f"{pairs.likeness[row]:.4f}"])
    return stream.getvalue()


def _emotion(label: int) -> str:
    return EMOTIONS[label].value if label >= 0 else ""
