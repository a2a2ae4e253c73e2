"""Descriptions of data for messages, manifests and cards, from the record of what was read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from converter.datasets.origin import HeldOut
from converter.datasets.published import CITATIONS, FER2013, VOTES
from converter.datasets.splits import PUBLIC, TRAINING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

UNSTATED = "not stated"
_REASONS = {
    "rows to drop": "listed as rows to drop, for they recur in a test split or are blank",
    "unreadable": "cannot be read",
}


def held_out(pictures: int, rule: HeldOut) -> str:
    """Return a sentence on how the validation part was held out."""
    whole = f"whole subjects, of {rule.subjects}" if rule.unit == "subject" else "drawn by emotion"
    return f"no validation part of its own: {pictures:,} pictures were held out ({whole}; seed {rule.seed})"


def provenance(record: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the training data of a network as sentences for its manifest and card."""
    return tuple(_provenance(record))


def missing_classes(record: Mapping[str, Any]) -> list[str]:
    """Return the classes without any training picture."""
    return [name for name, number in record["splits"][TRAINING]["labels"].items() if not number]


def licence(record: Mapping[str, Any] | None, of_model: str) -> str:
    """Return the licence of a model and the terms of its data, as far as they are stated."""
    own = of_model or UNSTATED
    if record is None:
        return f"{own}; training data not recorded"
    terms = record["licence"] or (CITATIONS[record["published"]].rpartition("; ")[2] if record["published"] else "")
    votes = " and FER+" if record["published"] == FER2013 and record["votes"] else ""
    return f"{own}; trained on {record['published'] or record['name']}{votes}: {terms or f'terms {UNSTATED}'}"


def _provenance(record: Mapping[str, Any]) -> Iterator[str]:
    training, validation = record["splits"][TRAINING], record["splits"][PUBLIC]
    yield _name(record)
    counts = ", ".join(f"{name} {number:,}" for name, number in training["labels"].items())
    yield f"{training['pictures']:,} pictures to train on ({counts}), {validation['pictures']:,} to choose by"
    absent = missing_classes(record)
    if absent:
        yield f"no picture to train on shows {', '.join(absent)}: the network has not learnt it"
    if record["held_out"] is not None:
        yield held_out(validation["pictures"], HeldOut(**record["held_out"]))
    for reason, number in training["left_out"].items():
        yield f"left out of training: {number:,} pictures ({_REASONS.get(reason, reason)})"
    if record["votes"]:
        source = VOTES if record["published"] == FER2013 else f"votes of {record['votes']}"
        yield f"{source} ({training['voted']:,} of the pictures to train on have some)"
    yield f"SHA-256 of pictures, labels and votes: {record['sha256']}"


def _name(record: Mapping[str, Any]) -> str:
    given = f"; licence as given: {record['licence']}" if record["licence"] else ""
    if record["published"]:
        return f"{CITATIONS[record['published']]}{given}"
    return f"{record['name']}: {record['form']}{given or f'; licence {UNSTATED}'}"
