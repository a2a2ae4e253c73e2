"""What a finished run leaves: the better of the averaged weights and the weights themselves."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from converter.datasets.faces import truth
from converter.training import checkpoint
from converter.training.devices import device
from converter.training.resume import LAST
from edge.core.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

    from converter.datasets.faces import FaceSet
    from converter.training.checkpoint import Trained

BEST = "best.ckpt"
"""The best epoch of a run by the mean of its heads' accuracies in validation."""


@dataclass(frozen=True, slots=True)
class Ending:
    """The best checkpoint of a run; ``note`` is a line for the user where there is something to say."""

    best: Path
    note: str = ""


def keep_better(out: Path, validation: FaceSet) -> Ending:
    """Compare the best average of a run with its last weights as they are; keep the better one as ``best.ckpt``.

    Averages lag behind the weights: in a run of few steps they may never catch up.

    Raises:
        InputError: the run left no checkpoint, or ``best.ckpt`` cannot be written.
    """
    best, last = out / BEST, out / LAST
    for path in (best, last):
        if not path.is_file():
            msg = f"{path}: is not there though the run has ended: remove the folder and train again"
            raise InputError(msg)
    averaged, raw = checkpoint.load(best), _raw(last)
    if raw is None:
        return Ending(best)
    average, itself = accuracy(averaged, validation), accuracy(raw, validation)
    if itself <= average:
        return Ending(best)
    checkpoint.save(best, raw, {"weights": "of the last step, not averaged"})
    return Ending(
        best,
        f"the average of the weights ({100 * average:.1f} %) is not better than the weights of the last step "
        f"({100 * itself:.1f} %): {best} holds the latter; a lower --ema-decay or more epochs would help",
    )


def accuracy(trained: Trained, faces: FaceSet) -> float:
    """Mean over the heads of the share of right answers on ``faces``; heads that have no labels there do not count."""
    found = []
    answers = trained.to(device("auto")).logits(faces.pixels)
    trained.to(device("cpu"))
    for head, logits in answers.items():
        wanted = truth(faces, head)
        known = wanted >= 0
        if known.any():
            found.append(float((logits.argmax(axis=1) == wanted)[known].mean()))
    return float(np.mean(found)) if found else 0.0


def _raw(last: Path) -> Trained | None:
    """The weights themselves of a checkpoint whose network is their average; ``None`` where it keeps none."""
    content: dict[str, Any] = checkpoint.read(last, "cannot be read")
    state = content.get("current_model_state")
    if state is None:
        return None
    found = checkpoint.load(last)
    prefix = "network."
    found.network.load_state_dict(
        {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}
    )
    return replace(found, network=found.network.eval())
