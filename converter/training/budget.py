"""Number of epochs that fit into a number of minutes, measured on a short trial run that is discarded."""

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
from converter.training.resume import stored_run
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
"""Steps of the measured epoch on a CPU, where a whole epoch takes long."""


@dataclass(frozen=True, slots=True)
class Speed:
    """Seconds of a training step, of a validation with the files written after it, and of the end of a run.

    ``every`` is the time between validations in seconds; 0 validates after each epoch.
    """

    step: float
    validation: float
    ending: float
    every: float = 0.0

    def epochs_within(self, seconds: float, steps: int) -> int:
        """Return the number of epochs of ``steps`` steps that fit into ``seconds``."""
        epoch = self.step * steps
        validations = min(1.0, epoch / self.every) if self.every else 1.0
        last = self.validation if validations < 1 else 0.0
        return int((seconds - self.ending - last) / (epoch + validations * self.validation))


def stored_epochs(out: Path) -> int | None:
    """Return the number of epochs of the run stored in ``out``, or ``None`` if there is none.

    Raises:
        InputError: its checkpoint is damaged.
    """
    run = stored_run(out)
    return None if run is None else run.recipe.epochs


def with_stored_epochs(recipe: Recipe, out: Path, minutes: float | None) -> Recipe:
    """Return ``recipe`` with the number of epochs of the run in ``out``, if there is one and ``minutes`` is set.

    Raises:
        InputError: its checkpoint is damaged.
    """
    epochs = None if minutes is None else stored_epochs(out)
    return recipe if epochs is None else replace(recipe, epochs=epochs)


def resolve_epochs(
    recipe: Recipe,
    out: Path,
    minutes: float | None,
    faces: tuple[FaceSet, FaceSet],
    *,
    machine: Machine,
    teachers: Teachers | None = None,
) -> Recipe:
    """Return ``recipe`` with its number of epochs, measured if ``minutes`` is set and ``out`` holds no run yet.

    Raises:
        InputError: as :func:`with_epochs`.
    """
    if minutes is None or stored_epochs(out) is not None:
        return with_stored_epochs(recipe, out, minutes)
    measured = with_epochs(recipe, minutes, faces, machine=machine, teachers=teachers)
    say(f"{measured.epochs} epochs in {minutes:g} minutes")
    return measured


def with_epochs(
    recipe: Recipe,
    minutes: float,
    faces: tuple[FaceSet, FaceSet],
    *,
    machine: Machine,
    teachers: Teachers | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Recipe:
    """Return ``recipe`` with as many epochs as fit into ``minutes``, including the measurement.

    ``faces`` are the training and validation pictures.

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
        msg = f"--minutes {minutes:g}: {left:.0f} s are left, but one epoch takes {needed:.0f} s: give more"
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
    """Run :func:`converter.training.train.train` for two epochs and time the second by ``clock``; keep no files.

    The measured epoch is a whole one on a GPU and a few steps on a CPU.

    Raises:
        InputError: as :func:`converter.training.train.train`.
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
    """Answers for the first ``rows`` pictures only."""

    rows: int = 0

    def vote(self, index: int) -> Tensor:
        return Teachers.vote(self, index)[: self.rows]


def _fields(teachers: Teachers) -> dict[str, Any]:
    return {field.name: getattr(teachers, field.name) for field in fields(teachers)}


class _Stopwatch(lightning.Callback):
    """Callback that reads a clock around the parts of the last epoch, after the device has finished each.

    ``step`` and ``validation`` are in seconds; ``ended`` is a clock reading.
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
