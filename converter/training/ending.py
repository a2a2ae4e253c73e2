"""Result of a finished run: the better of the averaged weights and the raw weights."""

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
"""Best epoch of a run by the mean of its heads' validation accuracies."""


@dataclass(frozen=True, slots=True)
class TrainingResult:
    """Best checkpoint of a run; ``note`` is a line for the user, or empty."""

    best: Path
    note: str = ""


def keep_better(out: Path, validation: FaceSet) -> TrainingResult:
    """Compare the best averaged weights of a run with its raw last weights and keep the better one as ``best.ckpt``.

    Averages lag behind the weights: in a run of few steps they may never catch up.

    Raises:
        InputError: the run left no checkpoint, or ``best.ckpt`` cannot be written.
    """
    best, last = out / BEST, out / LAST
    for path in (best, last):
        if not path.is_file():
            msg = f"{path}: is missing although the run has ended: remove the folder and train again"
            raise InputError(msg)
    averaged, raw = checkpoint.load(best), _raw(last)
    if raw is None:
        return TrainingResult(best)
    average_accuracy, raw_accuracy = accuracy(averaged, validation), accuracy(raw, validation)
    if raw_accuracy <= average_accuracy:
        return TrainingResult(best)
    checkpoint.save(best, raw, {"weights": "of the last step, not averaged"})
    return TrainingResult(
        best,
        f"the average of the weights ({100 * average_accuracy:.1f} %) is not better than the last weights "
        f"({100 * raw_accuracy:.1f} %): {best} holds the latter; a lower --ema-decay or more epochs would help",
    )


def accuracy(trained: Trained, faces: FaceSet) -> float:
    """Return the mean over the heads of the accuracy on ``faces``; heads without labels there do not count."""
    shares = []
    answers = trained.to(device("auto")).logits(faces.pixels)
    trained.to(device("cpu"))
    for head, logits in answers.items():
        wanted = truth(faces, head)
        known = wanted >= 0
        if known.any():
            shares.append(float((logits.argmax(axis=1) == wanted)[known].mean()))
    return float(np.mean(shares)) if shares else 0.0


def _raw(last: Path) -> Trained | None:
    """Return the raw weights of a checkpoint whose network is their average, or ``None`` if it keeps none."""
    content: dict[str, Any] = checkpoint.read(last, "cannot be read")
    state = content.get("current_model_state")
    if state is None:
        return None
    raw = checkpoint.load(last)
    prefix = "network."
    raw.network.load_state_dict(
        {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}
    )
    return replace(raw, network=raw.network.eval())
