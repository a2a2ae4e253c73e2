"""State of an earlier run in a folder, and whether a recipe can resume it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from converter.training.checkpoint import read
from converter.training.recipe import Recipe, differences, from_checkpoint
from edge.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

LAST = "last.ckpt"
"""Checkpoint written after every epoch; a run is resumed from it."""
_MAY_CHANGE = frozenset({"epochs", "patience", "earlier"})


@dataclass(frozen=True, slots=True)
class ResumeState:
    """State to resume from: the recipe, the number of completed epochs, and the rows of the history."""

    recipe: Recipe
    epochs_done: int
    rows: tuple[Mapping[str, float], ...]


def resume_state(out: Path, recipe: Recipe, ignoring: frozenset[str] = frozenset()) -> ResumeState | None:
    """Return the state from which ``recipe`` resumes the run in ``out``, or ``None`` if there is none.

    More epochs than the run had make it longer: from there on it has the learning rate that a run of the new length has
    at that epoch, and the recipe records the previous length and its last epoch in ``earlier``. ``ignoring`` names
    options that are not known yet and are not compared.

    Raises:
        InputError: the checkpoint is damaged, of another recipe, or of a run with more epochs.
    """
    last, previous = out / LAST, stored_run(out)
    if previous is None:
        return None
    stored = previous.recipe
    for name in differences(recipe, stored):
        if name not in _MAY_CHANGE | ignoring:
            msg = (
                f"{last}: has {name} {getattr(stored, name)}, not {getattr(recipe, name)}: choose another --out or the "
                "same recipe"
            )
            raise InputError(msg)
    if recipe.epochs < stored.epochs:
        msg = (
            f"{last}: has a run of {stored.epochs} epochs, which can be made longer but not shorter: give --epochs "
            f"{stored.epochs} or more, or choose another --out"
        )
        raise InputError(msg)
    earlier = (
        stored.earlier if recipe.epochs == stored.epochs else (*stored.earlier, (stored.epochs, previous.epochs_done))
    )
    return replace(previous, recipe=replace(recipe, earlier=earlier))


def stored_run(out: Path) -> ResumeState | None:
    """Return the run in ``out`` as it was started, or ``None`` if there is none.

    Raises:
        InputError: its checkpoint is damaged.
    """
    last = out / LAST
    if not last.is_file():
        return None
    content = read(last, f"cannot be resumed: remove {last} or choose another --out")
    try:
        recipe = from_checkpoint(content["hyper_parameters"]["recipe"])
        done = int(content["loops"]["fit_loop"]["epoch_progress"]["current"]["processed"])
        return ResumeState(recipe, done, _rows(content))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        msg = f"{last}: cannot be resumed: {type(error).__name__}; remove it or choose another --out"
        raise InputError(msg) from error


def _rows(content: Mapping[str, Any]) -> tuple[Mapping[str, float], ...]:
    states = [state for name, state in content["callbacks"].items() if name.startswith("History")]
    return tuple(states[0]["rows"]) if states else ()
