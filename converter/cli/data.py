"""The data that commands which train or convert need."""

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
    """What the options of :func:`converter.cli.options.dataset` say of the data to train on."""

    path: Path
    votes: Path | None = None
    validation_split: float | None = None
    split_seed: int = 1
    subjects: str = ""
    licence: str = ""
    mapping: LabelMapping | None = None

    @property
    def rule(self) -> HoldOut:
        """How to hold a part out where the data has none to choose by."""
        from converter.datasets import HoldOut

        return HoldOut(self.validation_split, self.split_seed, self.subjects)

    def read(self) -> tuple[FaceSet, FaceSet]:
        """Read what to train on and what to choose by; see :func:`training_and_validation`."""
        return training_and_validation(self.path, self.votes, self.rule, self.licence, mapping=self.mapping)


def training_and_validation(
    data: Path,
    votes: Path | None,
    rule: HoldOut | None = None,
    licence: str = "",
    *,
    mapping: LabelMapping | None = None,
) -> tuple[FaceSet, FaceSet]:
    """Training, less the rows to drop, and PublicTest, which is held out of Training where the data has none.

    What there is to know of the data goes to standard error, a line each: what cannot be read, what is held out, what
    is on both sides, and that there is no list of rows to drop.

    Raises:
        InputError: the data cannot be read, has nothing to train on or to choose by, or too little of it.
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
    """How the data of ``record`` was divided; ``None`` where it was not, or nothing is known of it."""
    from converter.datasets import HoldOut

    held_out = record.get("held_out") if record else None
    if not held_out:
        return None
    pattern = held_out["pattern"] if held_out["unit"] == "subject" else ""
    return HoldOut(held_out["share"], held_out["seed"], pattern, repeated=True)


def seen(splits: Mapping[str, FaceSet]) -> Iterator[str]:
    """What there is to know of how data was read: what holds nothing, what cannot be read, what is held out."""
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
