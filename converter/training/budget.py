"""How many epochs a number of minutes allows: measured on a short run that is thrown away."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import lightning
import numpy as np
import torch

from converter.progress import say
from converter.training.devices import is_on_gpu
from converter.training.resume import kept
from converter.training.teachers import Teachers
from converter.training.train import fitting, path_of, train
from edge.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from converter.datasets.faces import FaceSet
    from converter.training.recipe import Recipe
    from converter.training.train import Machine

_STEPS_ON_CPU = 12
"""Steps of an epoch that is measured on a CPU, where a whole one takes long."""


@dataclass(frozen=True, slots=True)
class Speed:
    """Seconds of a step, of a validation with all that is written after it, and of a run's ending.

    Validations come ``every`` so many seconds; with 0 after each epoch.
    """

    step: float
    validation: float
    ending: float
    every: float = 0.0

    def epochs_within(self, seconds: float, steps: int) -> int:
        """Return how many epochs of ``steps`` fit into ``seconds``."""
        epoch = self.step * steps
        validations = min(1.0, epoch / self.every) if self.every else 1.0
        last = self.validation if validations < 1 else 0.0
        return int((seconds - self.ending - last) / (epoch + validations * self.validation))


def kept_epochs(out: Path) -> int | None:
    """Return the length of the run that ``out`` holds; ``None`` where it holds none.

    Raises:
        InputError: its checkpoint is damaged.
    """
    found = kept(out)
    return None if found is None else found.recipe.epochs


def begun(recipe: Recipe, out: Path, minutes: float | None) -> Recipe:
    """Return ``recipe`` with the length of the run in ``out``, where there is one and ``minutes`` are given.

    Raises:
        InputError: its checkpoint is damaged.
    """
    epochs = None if minutes is None else kept_epochs(out)
    return recipe if epochs is None else replace(recipe, epochs=epochs)


def settled(
    recipe: Recipe,
    out: Path,
    minutes: float | None,
    faces: tuple[FaceSet, FaceSet],
    *,
    machine: Machine,
    teachers: Teachers | None = None,
) -> Recipe:
    """Return ``recipe`` with its number of epochs: measured where ``minutes`` are given and ``out`` holds no run yet.

    Raises:
        InputError: as :func:`with_epochs`.
    """
    if minutes is None or kept_epochs(out) is not None:
        return begun(recipe, out, minutes)
    found = with_epochs(recipe, minutes, faces, machine=machine, teachers=teachers)
    say(f"{found.epochs} epochs in {minutes:g} minutes")
    return found


def with_epochs(
    recipe: Recipe,
    minutes: float,
    faces: tuple[FaceSet, FaceSet],
    *,
    machine: Machine,
    teachers: Teachers | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Recipe:
    """Return ``recipe`` with as many epochs as ``minutes`` allow, measuring included.

    ``faces`` are those to learn from and those to choose by.

    Raises:
        InputError: not even one epoch fits, or as :func:`converter.training.train.train`.
    """
    began = clock()
    steps = len(faces[0]) // fitting(recipe, *faces).batch_size
    speed = measure(recipe, faces, machine=machine, teachers=teachers, clock=clock)
    left = 60 * minutes - (clock() - began)
    epochs = speed.epochs_within(left, steps)
    if epochs < 1:
        needed = speed.step * steps + speed.validation + speed.ending
        msg = f"--minutes {minutes:g}: after measuring {left:.0f} s are left, one epoch takes {needed:.0f} s: give more"
        raise InputError(msg)
    return replace(recipe, epochs=epochs)


def measure(
    recipe: Recipe,
    faces: tuple[FaceSet, FaceSet],
    *,
    machine: Machine,
    teachers: Teachers | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Speed:
    """Run :func:`converter.training.train.train` for two epochs, the second under ``clock``; nothing of it is kept.

    An epoch is a whole one on a GPU and a few steps on a CPU.

    Raises:
        InputError: as there.
    """
    training, validation = faces
    trial = replace(recipe, epochs=2, patience=0)
    path = path_of(recipe, training, validation, machine, teachers=teachers)
    if not is_on_gpu(machine.accelerator):
        rows = min(len(training), _STEPS_ON_CPU * recipe.batch_size)
        training = training.take(np.arange(rows))
        teachers = None if teachers is None else _FirstRows(**_fields(teachers), rows=rows)
    stopwatch = _Stopwatch(clock)
    with tempfile.TemporaryDirectory(prefix="face-convert-") as folder:
        out = Path(folder) / "trial"
        train(training, validation, out, trial, teachers=teachers, machine=machine, callbacks=[stopwatch])
        ended = clock()
    return Speed(stopwatch.step, stopwatch.validation, ended - stopwatch.ended, path.validation_seconds)


@dataclass(frozen=True, slots=True, eq=False)
class _FirstRows(Teachers):
    """Answers for the first ``rows`` pictures alone."""

    rows: int = 0

    def vote(self, index: int) -> Tensor:
        return Teachers.vote(self, index)[: self.rows]


def _fields(teachers: Teachers) -> dict[str, Any]:
    return {field.name: getattr(teachers, field.name) for field in fields(teachers)}


class _Stopwatch(lightning.Callback):
    """Reads a clock around the parts of the last epoch, when the device is done with each.

    ``step`` and ``validation`` are seconds, ``ended`` is a reading.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._began, self._steps = 0.0, 0
        self.step = self.validation = self.ended = 0.0

    def on_train_epoch_start(self, trainer: Any, module: Any) -> None:
        del trainer
        self._began, self._steps = self._read(), module.global_step

    def on_validation_start(self, trainer: Any, module: Any) -> None:
        if not trainer.sanity_checking:
            learnt = self._read()
            self.step = (learnt - self._began) / (module.global_step - self._steps)
            self._began = learnt

    def on_train_end(self, trainer: Any, module: Any) -> None:
        del trainer, module
        self.ended = self._read()
        self.validation = self.ended - self._began

    def _read(self) -> float:
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        return self._clock()
