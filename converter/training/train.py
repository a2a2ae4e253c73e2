"""Trains a network, alone or under teachers; stopped at any moment, it goes on to the same result."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import lightning
import torch
from lightning.pytorch.callbacks import ModelCheckpoint

from converter.camera import Camera
from converter.datasets.record import record_of
from converter.heads import taught_by
from converter.interruption import advising
from converter.shortened import shortened
from converter.training import checkpoint, data_path, provenance, run_folder
from converter.training.averaging import MovingAverage
from converter.training.batches import FaceBatches
from converter.training.ending import BEST, Ending, keep_better
from converter.training.history import History, stalled
from converter.training.recipe import Recipe
from converter.training.resume import LAST, resumed
from converter.training.tensorboard import Board
from converter.training.views import Augmentation, Views
from edge.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from converter.datasets.faces import FaceSet
    from converter.training.data_path import DataPath
    from converter.training.resume import Resumed
    from converter.training.task import ExpressionTask
    from converter.training.teachers import Teachers

__all__ = ["Machine", "Recipe", "preflight", "train"]

_LEAST_BATCH = 2
"""A batch norm behind a dense layer needs two pictures for a variance."""


@dataclass(frozen=True, slots=True)
class Machine:
    """Where a run computes: Lightning's own words for kind and number of devices; the result hardly depends on it.

    ``data_path`` is how pictures get to the device, one of :data:`converter.training.data_path.PATHS`.
    """

    accelerator: str = "auto"
    devices: int = 1
    precision: str = "bf16-mixed"
    data_path: str = data_path.AUTO


def preflight(
    out: Path, recipe: Recipe, *, start: Path | None, machine: Machine, unknown: frozenset[str] = frozenset()
) -> None:
    """Find what :func:`train` would refuse, before data is read; ``unknown`` names choices that the data decides.

    Raises:
        AlreadyRunning: another process trains in ``out``.
        InputError: as :func:`train`.
    """
    earlier = None
    if out.exists():
        with run_folder.held(out):
            earlier = resumed(out, recipe, unknown | {"batch_size", "heads"})
    else:  # it is made when there is something to train
        run_folder.refuse_unwritable(out)
    data_path.refuse(machine.data_path, machine.devices)
    path = data_path.LoaderPath(recipe)
    task = _task(path, start, earlier)
    _trainer(out, recipe, machine, [History(out, task.head_names)], path)


def train(
    training: FaceSet,
    validation: FaceSet,
    out: Path,
    recipe: Recipe,
    *,
    teachers: Teachers | None = None,
    start: Path | None = None,
    machine: Machine | None = None,
    tensorboard: bool = False,
    callbacks: Sequence[lightning.Callback] = (),
) -> Ending:
    """Train to the end, resuming ``out/last.ckpt`` where there is one; returns the best checkpoint by validation.

    Best is by the mean of the heads' accuracies. ``out`` receives ``last.ckpt``, ``best.ckpt``, ``history.csv`` and
    ``curves.png``, all written every epoch; stopped at any moment, a run goes on from the last whole epoch. A recipe of
    more epochs than the run had makes it longer (:func:`converter.training.resume.resumed`). ``start`` gives the
    weights to begin with. Where there are fewer pictures than a batch, a batch is all of them.

    Raises:
        AlreadyRunning: another process trains in ``out``.
        InputError: ``out`` holds a run of another recipe, no network has the recipe's name, ``start`` is of another
            network, there are too few pictures, the machine has no such devices, or the loss is no longer a number.
    """
    recipe = fitting(recipe, training, validation)
    recipe = replace(recipe, heads=taught_by(training, teachers.heads if teachers is not None else ()))
    data = record_of(training, validation)
    with run_folder.held(out), advising(lambda: _advice(out)):
        provenance.refuse_other_data(out / LAST, data)
        earlier = resumed(out, recipe)
        recipe = recipe if earlier is None else earlier.recipe
        if earlier is None or not _finished(earlier):
            lightning.seed_everything(recipe.seed, verbose=False)
            machine = machine or Machine()
            path = path_of(recipe, training, validation, machine, teachers=teachers)
            task = _task(path, start, earlier)
            task.weigh_classes(training)
            task.measure_with(validation)
            task.answered = teachers.heads if teachers is not None else task.answered
            task.hparams.update(data=data)
            board = Board(out, earlier.epochs_done if earlier else 0) if tensorboard else None
            history = History(out, task.head_names, recipe.patience, board)
            trainer = _trainer(out, recipe, machine, [history, *callbacks], path)
            views = teachers.views if teachers is not None else Views(recipe.seed, None, augmentation(recipe))
            camera = Camera(recipe.camera) if recipe.camera else None
            answers = path.answers(teachers.vote if teachers is not None else None, trainer)
            trainer.fit(
                task,
                *path.data(FaceBatches(training, views, answers, camera), validation, trainer),
                ckpt_path=None if earlier is None else str(out / LAST),
                weights_only=True,
            )
            if not trainer.is_global_zero:
                return Ending(out / BEST)
        return keep_better(out, validation)


def fitting(recipe: Recipe, training: FaceSet, validation: FaceSet) -> Recipe:
    """``recipe`` with a batch of no more pictures than there are.

    Raises:
        InputError: there are too few pictures to learn from, or none to choose by.
    """
    if len(training) < _LEAST_BATCH:
        msg = f"there are {len(training)} pictures to learn from: training needs at least {_LEAST_BATCH}"
        raise InputError(msg)
    if not len(validation):
        msg = "there are no pictures to choose the best epoch by: give a data set with a validation split"
        raise InputError(msg)
    return replace(recipe, batch_size=min(recipe.batch_size, len(training)))


def path_of(
    recipe: Recipe, training: FaceSet, validation: FaceSet, machine: Machine, *, teachers: Teachers | None
) -> DataPath:
    """Return how the data of a run gets to the device.

    Raises:
        InputError: as :func:`converter.training.data_path.choose`.
    """
    sizes = (len(training), len(validation), (teachers.views.count or 0) if teachers is not None else 0)
    return data_path.choose(machine.data_path, recipe, sizes, machine.accelerator, machine.devices)


def augmentation(recipe: Recipe) -> Augmentation:
    """How far the views of a run may stray."""
    return Augmentation().scaled(recipe.augmentation)


def _finished(earlier: Resumed) -> bool:
    recipe = earlier.recipe
    return earlier.epochs_done >= recipe.epochs or stalled(earlier.rows, recipe.patience)


def _advice(out: Path) -> str:
    last = out / LAST
    if last.is_file():
        return f"the same command goes on after the last whole epoch ({last})"
    return "no epoch was done yet: the same command begins again"


def _task(path: DataPath, start: Path | None, earlier: Resumed | None) -> ExpressionTask:
    """The network that a run begins or goes on with; what is resumed gets its weights from the checkpoint."""
    task = path.task(bare=earlier is not None)
    if earlier is None and start is not None:
        _begin_with(task, start)
    return task


def _trainer(
    out: Path, recipe: Recipe, machine: Machine, callbacks: list[lightning.Callback], path: DataPath
) -> lightning.Trainer:
    best = ModelCheckpoint(out, filename="best", monitor="val_mean", mode="max", enable_version_counter=False)
    # on its own: what `best` would keep as last is written only when the monitored figure improves
    latest = ModelCheckpoint(out, filename="last", enable_version_counter=False)
    try:
        return lightning.Trainer(
            max_epochs=recipe.epochs,
            accelerator=machine.accelerator,
            devices=machine.devices,
            precision=machine.precision,
            sync_batchnorm=machine.devices > 1 and machine.accelerator != "cpu" and torch.cuda.is_available(),
            use_distributed_sampler=False,  # our own order shares every batch out
            callbacks=[MovingAverage(recipe.ema_decay), *callbacks, best, latest, *path.callbacks()],
            plugins=[checkpoint.WholeFiles()],
            logger=False,
            enable_model_summary=False,
            **path.trainer_options(),
        )
    except (RuntimeError, ValueError, lightning.fabric.utilities.exceptions.MisconfigurationException) as error:
        msg = f"{machine.devices} x {machine.accelerator}: this machine cannot train on it: {shortened(error)}"
        raise InputError(msg) from error


def _begin_with(task: ExpressionTask, start: Path) -> None:
    """Take over the averaged weights of another run; heads that it did not have begin anew."""
    try:
        provenance.take_over(task.network, checkpoint.load(start).network)
    except RuntimeError as error:
        msg = f"{start}: is of another network than {task.recipe.architecture}: choose a start of the same architecture"
        raise InputError(msg) from error
