"""What a folder holds of an earlier run, and whether a recipe goes on with it."""

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
"""Written after every epoch; a run goes on from it."""
_MAY_CHANGE = frozenset({"epochs", "patience", "earlier"})


@dataclass(frozen=True, slots=True)
class Resumed:
    """How a run goes on: with which recipe, after how many epochs, and with which rows of its history."""

    recipe: Recipe
    epochs_done: int
    rows: tuple[Mapping[str, float], ...]


def resumed(out: Path, recipe: Recipe, ignoring: frozenset[str] = frozenset()) -> Resumed | None:
    """How ``recipe`` goes on with the run in ``out``; ``None`` where there is none.

    More epochs than the run had make it longer: from there on it has the learning rate that a run of the new length has
    at that epoch, and the recipe notes in ``earlier`` what its length was before, and until when. ``ignoring`` names
    choices that are not known yet and are not compared.

    Raises:
        InputError: the checkpoint is damaged, of another recipe, or of a run that was to be longer.
    """
    last, before = out / LAST, kept(out)
    if before is None:
        return None
    found = before.recipe
    for name in differences(recipe, found):
        if name not in _MAY_CHANGE | ignoring:
            msg = (
                f"{last}: has {name} {getattr(found, name)}, not {getattr(recipe, name)}: choose another --out or the "
                "same recipe"
            )
            raise InputError(msg)
    if recipe.epochs < found.epochs:
        msg = (
            f"{last}: is of a run of {found.epochs} epochs, which can be made longer but not shorter: give --epochs "
            f"{found.epochs} or more, or choose another --out"
        )
        raise InputError(msg)
    earlier = found.earlier if recipe.epochs == found.epochs else (*found.earlier, (found.epochs, before.epochs_done))
    return replace(before, recipe=replace(recipe, earlier=earlier))


def kept(out: Path) -> Resumed | None:
    """Return the run that ``out`` holds as it was begun; ``None`` where there is none.

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
        return Resumed(recipe, done, _rows(content))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        msg = f"{last}: cannot be resumed: {type(error).__name__}; remove it or choose another --out"
        raise InputError(msg) from error


def _rows(content: Mapping[str, Any]) -> tuple[Mapping[str, float], ...]:
    states = [state for name, state in content["callbacks"].items() if name.startswith("History")]
    return tuple(states[0]["rows"]) if states else ()
