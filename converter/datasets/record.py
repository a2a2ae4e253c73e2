"""Record of a network's training data as plain values, for its checkpoint and the manifest of the converted model."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any

from converter.datasets.faces import count
from converter.datasets.origin import DataOrigin, HeldOut
from converter.datasets.published import CITATIONS
from converter.datasets.splits import PUBLIC, TRAINING
from edge.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from converter.datasets.faces import FaceSet

_ARRAYS = {"pixels": "pictures", "labels": "labels", "votes": "votes"}
"""Arrays of a split that are fingerprinted, and their names in messages."""
_SHOWN = 12


def record_of(training: FaceSet, validation: FaceSet) -> dict[str, Any]:
    """Return files, counts and fingerprints of the training and validation data.

    ``sha256`` identifies the data: it depends only on pictures, labels and votes, in their order.
    """
    origin = training.origin or DataOrigin("", "arrays")
    splits = {split: _split(faces) for split, faces in ((TRAINING, training), (PUBLIC, validation))}
    digest = hashlib.sha256()
    for values in splits.values():
        for name in _ARRAYS:
            digest.update(values[f"{name}_sha256"].encode())
    return {
        "name": origin.name,
        "published": origin.published,
        "form": origin.form,
        "licence": origin.licence,
        "files": [asdict(file) for file in origin.files],
        "votes": origin.votes,
        "drops": origin.drops,
        "held_out": None if origin.held_out is None else asdict(origin.held_out),
        "splits": splits,
        "sha256": digest.hexdigest(),
    }


def difference(expected: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    """Return the first difference between two records, as ``has ..., not ...`` of ``found``; empty for the same data.

    Name, licence and files may differ; pictures, labels and votes may not.
    """
    if expected["sha256"] == found["sha256"]:
        return ""
    return next(_differences(expected, found))


def _differences(expected: Mapping[str, Any], found: Mapping[str, Any]) -> Iterator[str]:
    for split in (TRAINING, PUBLIC):
        has, wants = found["splits"][split], expected["splits"][split]
        if has["pictures"] != wants["pictures"]:
            yield f"{split} has {has['pictures']} pictures, not {wants['pictures']}"
        for emotion, number in has["labels"].items():
            if number != wants["labels"].get(emotion):
                yield f"{split} has {number} pictures of {emotion}, not {wants['labels'].get(emotion)}"
        if has["voted"] != wants["voted"]:
            yield f"{split} has votes on {has['voted']} pictures, not {wants['voted']}"
    if found["held_out"] != expected["held_out"]:
        yield f"held out was {_rule(found['held_out'])}, not {_rule(expected['held_out'])}"
    for split in (TRAINING, PUBLIC):
        for name, words in _ARRAYS.items():
            has, wants = found["splits"][split][f"{name}_sha256"], expected["splits"][split][f"{name}_sha256"]
            if has != wants:
                yield f"{split} has other {words} (SHA-256 {has[:_SHOWN]}…, not {wants[:_SHOWN]}…)"


def _rule(found: Mapping[str, Any] | None) -> str:
    return "nothing" if found is None else f"{found['share']:.0%} by {found['unit']}, seed {found['seed']}"


def _split(faces: FaceSet) -> dict[str, Any]:
    voted = faces.votes.any(axis=1)
    return {
        "pictures": len(faces),
        "labels": faces.counts(),
        "voted": int(voted.sum()),
        "majorities": count(faces.majority) if voted.any() else None,
        "left_out": dict(faces.left_out),
        **{f"{name}_sha256": _digest(getattr(faces, name)) for name in _ARRAYS},
    }


def _digest(values: NDArray[Any]) -> str:
    return hashlib.sha256(values.tobytes()).hexdigest()


def checked(found: Any) -> dict[str, Any]:
    """Return ``found`` if it has the form of a record; an untrusted checkpoint or manifest may hold anything.

    Raises:
        InputError: it does not.
    """
    try:
        is_whole = _is_whole(found)
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        msg = f"its data record cannot be read: {type(error).__name__}"
        raise InputError(msg) from error
    if not is_whole:
        msg = "its data record cannot be read"
        raise InputError(msg)
    return dict(found)


def _is_whole(found: Any) -> bool:
    words = [found[name] for name in ("name", "form", "licence", "votes", "drops", "sha256")]
    words += [file["name"] for file in found["files"]]
    numbers: list[Any] = []
    for split in (TRAINING, PUBLIC):
        values = found["splits"][split]
        words += [*values["labels"], *values["left_out"], *(values[f"{name}_sha256"] for name in _ARRAYS)]
        numbers += [values["pictures"], values["voted"], *values["labels"].values(), *values["left_out"].values()]
    rule = found["held_out"]
    if rule is not None:
        if set(rule) != {field.name for field in fields(HeldOut)} or not 0 < rule["share"] <= 1:
            return False
        words += [rule["unit"], rule["pattern"]]
        numbers += [rule["seed"], rule["subjects"], rule["rows"]]
    return (
        found["published"] in {"", *CITATIONS}
        and isinstance(found["files"], list | tuple)
        and all(isinstance(word, str) for word in words)
        and all(isinstance(number, int) and number >= 0 for number in numbers)
    )
