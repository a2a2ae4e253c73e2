"""Data sets for commands that train or convert."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from converter.progress import say

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path
    from typing import Any

    from converter.datasets import FaceSet, HoldOut
    from converter.datasets.mapping import LabelMapping

_NAMED = 5


@dataclass(frozen=True, slots=True)
class DataChoice:
    """Training data selected by the options of :func:`converter.cli.options.dataset`."""

    path: Path
    votes: Path | None = None
    validation_split: float | None = None
    split_seed: int = 1
    subjects: str = ""
    licence: str = ""
    mapping: LabelMapping | None = None

    @property
    def rule(self) -> HoldOut:
        """Return the rule for holding out a part if the data has no validation part."""
        from converter.datasets import HoldOut

        return HoldOut(self.validation_split, self.split_seed, self.subjects)

    def read(self) -> tuple[FaceSet, FaceSet]:
        """Read training and validation pictures; see :func:`training_and_validation`."""
        return training_and_validation(self.path, self.votes, self.rule, self.licence, mapping=self.mapping)


def training_and_validation(
    data: Path,
    votes: Path | None,
    rule: HoldOut | None = None,
    licence: str = "",
    *,
    mapping: LabelMapping | None = None,
) -> tuple[FaceSet, FaceSet]:
    """Read Training, without the rows to drop, and PublicTest, held out of Training if the data has none.

    Remarks on the data go to standard error, a line each: unreadable pictures, the held-out part, pictures on both
    sides, and a missing list of rows to drop.

    Raises:
        InputError: the data cannot be read, has no training or validation pictures, or too few.
    """
    from converter import datasets

    rule = datasets.HoldOut() if rule is None else rule
    found = datasets.load_splits(data, ("Training", "PublicTest"), votes=votes, rule=rule, mapping=mapping)
    if mapping is not None:
        mapping.refuse_empty(data, found["Training"])
    training, validation = found["Training"], found["PublicTest"]
    if licence and training.origin is not None:
        training = replace(training, origin=replace(training.origin, licence=licence))
    datasets.refuse_too_little(data, training)
    for line in _remarks(data, training, validation):
        say(line, err=True)
    return training, validation


def rule_of(record: Mapping[str, Any] | None) -> HoldOut | None:
    """Return how the data of ``record`` was divided; ``None`` if it was not, or is unknown."""
    from converter.datasets import HoldOut

    held_out = record.get("held_out") if record else None
    if not held_out:
        return None
    pattern = held_out["pattern"] if held_out["unit"] == "subject" else ""
    return HoldOut(held_out["share"], held_out["seed"], pattern, repeated=True)


def seen(splits: Mapping[str, FaceSet]) -> Iterator[str]:
    """Yield remarks on how data was read: empty folders, unreadable pictures, the held-out part."""
    from converter.datasets.describe import held_out

    origin = next(iter(splits.values())).origin
    if origin is not None:
        yield from origin.problems
    for name, faces in splits.items():
        if faces.unreadable:
            yield f"{name}: {_counted(faces.unreadable)} cannot be read and are left out"
    if origin is not None and origin.held_out is not None:
        yield held_out(len(splits["PublicTest"]), origin.held_out)


def _remarks(data: Path, training: FaceSet, validation: FaceSet) -> Iterator[str]:
    from converter import datasets

    yield from seen({"Training": training, "PublicTest": validation})
    both = validation.names[datasets.shared_pictures(validation.pixels, training.pixels)].tolist()
    if both:
        yield (
            f"{_counted(both)} of PublicTest are also in Training, the same or mirrored: figures come out too good; "
            "face-convert prepare lists them"
        )
    listed = datasets.drop_file(data)
    if not listed.is_file():
        yield (
            f"{listed} is not there: pictures that recur in another split stay in training; face-convert prepare "
            "makes the list, to be put there"
        )


def _counted(names: tuple[str, ...] | list[str]) -> str:
    more = ", ..." if len(names) > _NAMED else ""
    return f"{len(names)} pictures ({', '.join(names[:_NAMED])}{more})"
