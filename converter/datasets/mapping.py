"""Custom classes: the mapping from the data's classes to the network's, from a TOML or JSON file.

    [classes.positive]
    from = ["happy", "surprise"]        # names of folders, FER2013's numbers, or contempt (FER+'s votes)
    emoji = "🙂"                        # and colour, word, valence, face, resting, emoticon: all may be left out

The order of the classes is that of the network's outputs. Pictures of classes that none is made from are left out.
"""

from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import ValidationError

from converter.datasets.classes import CLASSES, CONTEMPT, ClassNames
from converter.datasets.faces import UNKNOWN
from edge.core.errors import InputError
from edge.core.labels import LabelSet, problem_with
from edge.core.types import EMOTIONS
from edge.inference.manifest import ClassDetail
from edge.util.bounded_read import read_bounded
from edge.util.text import in_one_line

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from converter.datasets.faces import FaceSet

_KEYS = ("from", *ClassDetail.model_fields)
_CONTEMPT = len(EMOTIONS)
_DIFFERENT = 1e-6


@dataclass(frozen=True, slots=True)
class LabelMapping:
    """Classes in the order of the outputs; ``sources`` are the data's classes of each, ``details`` their display."""

    names: tuple[str, ...]
    sources: tuple[tuple[str, ...], ...]
    details: tuple[ClassDetail, ...]

    @property
    def label_set(self) -> LabelSet:
        """Return the label set of the classes for a device."""
        shown = zip(self.names, self.details, strict=True)
        return LabelSet.of(self.names, {name: detail.model_dump(exclude_none=True) for name, detail in shown})

    @property
    def shown(self) -> dict[str, ClassDetail]:
        """Return the display of each class, in the form of the manifest."""
        return dict(zip(self.names, self.details, strict=True))

    @property
    def class_names(self) -> ClassNames:
        """Return the folder names of each class; other classes are left out."""
        own = {source: number for number, sources in enumerate(self.sources) for source in _spellings(sources)}
        return ClassNames(own, frozenset({*CLASSES, CONTEMPT} - own.keys()), self.names)

    def to_json(self) -> str:
        """Return one line for checkpoints and manifests that :func:`from_json` reads."""
        each = zip(self.names, self.sources, self.details, strict=True)
        found = {
            name: {"from": list(sources), **detail.model_dump(exclude_none=True)} for name, sources, detail in each
        }
        return json.dumps({"classes": found}, ensure_ascii=False)

    def apply(self, faces: FaceSet) -> FaceSet:
        """Convert ``faces`` of the seven to faces of these classes; pictures without a class are left out."""
        if faces.classes == self.names:
            return faces
        place = np.full(len(EMOTIONS) + 2, UNKNOWN)  # the last is for -1
        for number, sources in enumerate(self.sources):
            place[[_number(source) for source in sources]] = number
        place[-1] = UNKNOWN
        labels = place[faces.labels]
        votes, majority = self._votes(faces, place)
        found = replace(faces, labels=labels, votes=votes, majority=majority, classes=self.names)
        # labels decide if there are any: other pictures would be judged by votes alone
        belongs = labels >= 0 if (faces.labels >= 0).any() else votes.sum(axis=1) > 0
        left_out = dict(faces.left_out)
        if not belongs.all():
            left_out["of no class"] = left_out.get("of no class", 0) + int((~belongs).sum())
        return replace(found.take(belongs), left_out=left_out)

    def refuse_empty(self, data: Path, faces: FaceSet) -> None:
        """Refuse training ``faces`` of ``data`` that lack a class.

        Raises:
            InputError: a class has neither pictures nor votes; the message names its sources.
        """
        voted = faces.votes.sum(axis=0) > 0
        for number, (name, sources) in enumerate(zip(self.names, self.sources, strict=True)):
            if not voted[number] and not (faces.labels == number).any():
                msg = f"{data}: holds nothing for class {name!r}, which is made from {', '.join(sources)}"
                raise InputError(msg)

    def _votes(self, faces: FaceSet, place: NDArray[np.int64]) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Return shares ``(n, classes)`` and majority ``(n,)``, by the rules of FER+'s seven."""
        others = faces.other_votes
        seven = faces.votes * (1 - others.sum(axis=1, keepdims=True))
        kinds = np.column_stack([seven, others])
        # pictures that most annotators saw as no face or could not name teach nothing
        kinds[others[:, 1:].sum(axis=1) > 0.5, : _CONTEMPT + 1] = 0
        mine, rest = np.zeros((len(faces), len(self.names))), []
        for kind in range(kinds.shape[1]):
            number = place[kind] if kind <= _CONTEMPT else UNKNOWN
            if number >= 0:
                mine[:, number] += kinds[:, kind]
            else:
                rest.append(kinds[:, kind])
        ranked = np.sort(np.column_stack([mine, *rest]), axis=1)
        top = mine.max(axis=1)
        leads = (top > _DIFFERENT) & (top >= ranked[:, -1] - _DIFFERENT) & (ranked[:, -1] > ranked[:, -2] + _DIFFERENT)
        shares = mine / np.maximum(mine.sum(axis=1, keepdims=True), _DIFFERENT)
        return shares.astype(np.float32), np.where(leads, mine.argmax(axis=1), UNKNOWN)


def read_mapping(path: Path) -> LabelMapping:
    """Read a TOML (``.toml``) or JSON file.

    Raises:
        InputError: it cannot be read, or is not a valid mapping; the message names the class and the key.
    """
    try:
        text = read_bounded(path).decode()
        found = tomllib.loads(text) if path.suffix == ".toml" else json.loads(text)
    except OSError as error:
        msg = f"{path}: cannot be read: {error.strerror or error}"
        raise InputError(msg) from error
    except (ValueError, RecursionError) as error:
        msg = f"{path}: is no {'TOML' if path.suffix == '.toml' else 'JSON'}: {in_one_line(str(error))}"
        raise InputError(msg) from error
    return _mapping(found, str(path))


def from_json(text: str) -> LabelMapping:
    """Read the output of :meth:`LabelMapping.to_json`.

    Raises:
        InputError: ``text`` is something else.
    """
    try:
        return _mapping(json.loads(text), "labels")
    except (ValueError, RecursionError) as error:
        msg = f"labels: cannot be read: {in_one_line(str(error))}"
        raise InputError(msg) from error


def _mapping(found: Any, place: str) -> LabelMapping:
    classes = found.get("classes") if isinstance(found, dict) else None
    if not isinstance(classes, dict) or not all(isinstance(values, dict) for values in classes.values()):
        msg = f'{place}: expected a table for each class, as [classes.positive] with from = ["happy"]'
        raise InputError(msg)
    problem = problem_with(tuple(classes))
    if problem:
        msg = f"{place}: {problem}"
        raise InputError(msg)
    sources = tuple(_sources(name, values, place) for name, values in classes.items())
    taken: dict[str, str] = {}
    for name, mine in zip(classes, sources, strict=True):
        for source in _spellings(mine):
            if source in taken:
                msg = f"{place}: classes.{name}.from: {source!r} belongs to {taken[source]!r} already"
                raise InputError(msg)
            taken[source] = name
    return LabelMapping(tuple(classes), sources, tuple(_detail(name, v, place) for name, v in classes.items()))


def _sources(name: str, values: Mapping[str, Any], place: str) -> tuple[str, ...]:
    found = values.get("from", [name])
    if not isinstance(found, list) or not found or not all(isinstance(source, str | int) for source in found):
        msg = f'{place}: classes.{name}.from: expected a list of names of the data\'s classes, as ["happy", "surprise"]'
        raise InputError(msg)
    names = []
    for source in found:
        if isinstance(source, int):
            if not 0 <= source < len(EMOTIONS):
                msg = f"{place}: classes.{name}.from: expected a label 0..{len(EMOTIONS) - 1}, found {source}"
                raise InputError(msg)
            names.append(str(EMOTIONS[source]))
        else:
            names.append(source.lower())
    return tuple(names)


def _detail(name: str, values: Mapping[str, Any], place: str) -> ClassDetail:
    unknown = [key for key in values if key not in _KEYS]
    if unknown:
        msg = f"{place}: classes.{name}.{in_one_line(unknown[0])}: unknown key: expected one of {', '.join(_KEYS)}"
        raise InputError(msg)
    try:
        return ClassDetail.model_validate({key: value for key, value in values.items() if key != "from"})
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        key = ".".join(map(str, first["loc"]))
        msg = f"{place}: classes.{name}.{key}: {in_one_line(first['msg'])}"
        raise InputError(msg) from None


def _spellings(sources: tuple[str, ...]) -> set[str]:
    """Return the names and all other folder names of the same emotions."""
    numbers = {CLASSES[source] for source in sources if source in CLASSES}
    return {*sources, *(name for name, number in CLASSES.items() if number in numbers)}


def _number(source: str) -> int:
    """Return the place of a class among the seven and contempt, or that of an unknown label for other names."""
    if source == CONTEMPT:
        return _CONTEMPT
    return CLASSES.get(source, _CONTEMPT + 1)
