"""Plan file: teachers, their views and students, validated before anything is trained."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

from converter.training.recipe import DISTILL_DEFAULTS, Recipe, from_checkpoint
from converter.training.views import Views
from edge.core.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

ANSWERS = "answers"
"""Folder of the teachers' answers, beside those of the runs."""
_NAME = re.compile(r"[\w][\w.-]*")
_KEYS = ("teachers", "views", "students")


@dataclass(frozen=True, slots=True)
class PlannedRun:
    """One run: the name of its folder, its recipe, and its minutes, or ``None`` if the recipe sets the epochs."""

    name: str
    recipe: Recipe
    minutes: float | None


@dataclass(frozen=True, slots=True)
class TrainingPlan:
    """Teachers, the views that they answer for, and the students that learn from the answers."""

    teachers: tuple[PlannedRun, ...]
    views: Views
    students: tuple[PlannedRun, ...]


def read(path: Path) -> TrainingPlan:
    """Read a plan: JSON with ``teachers`` and ``students``, options of their recipes by name, and ``views``.

    ``views`` has ``count`` and ``seed``. A run has ``minutes`` in place of ``epochs`` to train for a given time.

    Raises:
        InputError: the file cannot be read or is not a valid plan; the message names the place.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        msg = f"{path}: cannot be read as JSON: {error}"
        raise InputError(msg) from error
    try:
        _refuse_unknown(content, _KEYS, "the plan")
        views = content.get("views", {})
        _refuse_unknown(views, ("count", "seed"), "views")
        count, seed = views.get("count", 16), views.get("seed", 1)
        if type(count) is not int or type(seed) is not int or count < 1:
            msg = f"views: expected a count from 1 and a seed, found {count!r} and {seed!r}"
            raise ValueError(msg)  # noqa: TRY301 - one place names the file
        plan = TrainingPlan(
            _parts(content.get("teachers", {}), Recipe(), "teachers"),
            Views(seed, count),
            _parts(content.get("students", {}), DISTILL_DEFAULTS, "students"),
        )
        names = [part.name for part in (*plan.teachers, *plan.students)]
        if not plan.teachers or len(set(names)) < len(names):
            msg = f"expected at least one teacher and no name twice, found {', '.join(names) or 'none'}"
            raise ValueError(msg)  # noqa: TRY301
    except (TypeError, ValueError) as error:
        msg = f"{path}: {error}"
        raise InputError(msg) from error
    return plan


def _parts(content: Any, default: Recipe, place: str) -> tuple[PlannedRun, ...]:
    if not isinstance(content, dict):
        msg = f"{place}: expected runs by name, found {content!r:.40}"
        raise TypeError(msg)
    return tuple(_part(name, values, default, f"{place}.{name}") for name, values in content.items())


def _part(name: str, values: Any, default: Recipe, place: str) -> PlannedRun:
    if not _NAME.fullmatch(name) or name == ANSWERS:
        msg = f"{place}: expected a folder name of letters, digits, points and hyphens other than {ANSWERS}"
        raise ValueError(msg)
    reserved = {"teachers", "start", "earlier", "heads", "labels"}
    known = [field.name for field in fields(Recipe) if field.name not in reserved]
    _refuse_unknown(values, (*known, "minutes"), place)
    minutes = values.get("minutes")
    if minutes is not None and (type(minutes) not in {int, float} or not minutes > 0 or "epochs" in values):
        msg = f"{place}: expected minutes above 0 and no epochs beside them, found {minutes!r}"
        raise ValueError(msg)
    chosen = {key: value for key, value in values.items() if key != "minutes"}
    try:
        return PlannedRun(name, from_checkpoint({**asdict(default), **chosen}), minutes)
    except TypeError as error:
        msg = f"{place}: {error}"
        raise TypeError(msg) from error


def _refuse_unknown(content: Any, known: tuple[str, ...], place: str) -> None:
    if not isinstance(content, dict):
        msg = f"{place}: expected an object, found {content!r:.40}"
        raise TypeError(msg)
    for key in content:
        if key not in known:
            msg = f"{place}: unknown key {key!r}: expected one of {', '.join(known)}"
            raise ValueError(msg)
