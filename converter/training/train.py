"""Training of a network, alone or with teachers; an interrupted run resumes to the same result."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import lightning
import torch
from lightning.pytorch.callbacks import ModelCheckpoint

from converter.camera import CameraSimulation
from converter.datasets.record import record_of
from converter.heads import taught_by
from converter.interruption import advising
from converter.shortened import shortened
from converter.training import checkpoint, data_path, provenance, run_folder
from converter.training.averaging import MovingAverage
from converter.training.batches import FaceBatches
from converter.training.ending import BEST, TrainingResult, keep_better
from converter.training.history import History, stalled
from converter.training.recipe import Recipe
from converter.training.resume import LAST, resume_state
from converter.training.tensorboard import TensorBoardLog
from converter.training.views import Augmentation, Views
from edge.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from converter.datasets.faces import FaceSet
    from converter.training.data_path import DataPath
    from converter.training.resume import ResumeState
    from converter.training.task import ExpressionTask
    from converter.training.teachers import Teachers

__all__ = ["Machine", "Recipe", "preflight", "train"]

_LEAST_BATCH = 2
"""Pictures that a batch norm behind a dense layer needs for a variance."""


@dataclass(frozen=True, slots=True)
class Machine:
    """Hardware of a run: kind and number of devices by Lightning's names; the result hardly depends on it.

    ``data_path`` is the way pictures get to the device, one of :data:`converter.training.data_path.PATHS`.
    """

    accelerator: str = "auto"
    devices: int = 1
    precision: str = "bf16-mixed"
    data_path: str = data_path.AUTO


def preflight(
    out: Path, recipe: Recipe, *, start: Path | None, machine: Machine, unknown: frozenset[str] = frozenset()
) -> None:
    """Check what :func:`train` would refuse, before data is read; ``unknown`` names options that the data decides.

    Raises:
        AlreadyRunning: another process trains in ``out``.
        InputError: as :func:`train`.
    """
    earlier = None
    if out.exists():
        with run_folder.held(out):
            earlier = resume_state(out, recipe, unknown | {"batch_size", "heads"})
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
) -> TrainingResult:
    """Train to the end, resuming ``out/last.ckpt`` if it exists, and return the best checkpoint by validation.

    The best checkpoint has the highest mean accuracy of the heads. ``out`` receives ``last.ckpt``, ``best.ckpt``,
    ``history.csv`` and ``curves.png``, all written every epoch; an interrupted run continues from the last whole epoch.
    A recipe with more epochs than the run had makes it longer (:func:`converter.training.resume.resume_state`).
    ``start`` provides the initial weights. If there are fewer pictures than a batch, the batch is all of them.

    Raises:
        AlreadyRunning: another process trains in ``out``.
        InputError: ``out`` holds a run of another recipe, no network has the recipe's name, ``start`` is of another
            network, there are too few pictures, the machine has no such devices, or the loss is no longer finite.
    """
    recipe = fitting(recipe, training, validation)
    recipe = replace(recipe, heads=taught_by(training, teachers.heads if teachers is not None else ()))
    data = record_of(training, validation)
    with run_folder.held(out), advising(lambda: _advice(out)):
        provenance.refuse_other_data(out / LAST, data)
        earlier = resume_state(out, recipe)
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
            board = TensorBoardLog(out, earlier.epochs_done if earlier else 0) if tensorboard else None
            history = History(out, task.head_names, recipe.patience, board)
            trainer = _trainer(out, recipe, machine, [history, *callbacks], path)
            views = teachers.views if teachers is not None else Views(recipe.seed, None, augmentation(recipe))
            camera = CameraSimulation(recipe.camera) if recipe.camera else None
            answers = path.answers(teachers.vote if teachers is not None else None, trainer)
            trainer.fit(
                task,
                *path.data(FaceBatches(training, views, answers, camera), validation, trainer),
                ckpt_path=None if earlier is None else str(out / LAST),
                weights_only=True,
            )
            if not trainer.is_global_zero:
                return TrainingResult(out / BEST)
        return keep_better(out, validation)


def fitting(recipe: Recipe, training: FaceSet, validation: FaceSet) -> Recipe:
    """Return ``recipe`` with a batch no larger than the number of pictures.

    Raises:
        InputError: there are too few training pictures, or no validation pictures.
    """
    if len(training) < _LEAST_BATCH:
        msg = f"there are {len(training)} training pictures: training needs at least {_LEAST_BATCH}"
        raise InputError(msg)
    if not len(validation):
        msg = "there are no validation pictures to choose the best epoch by: give a data set with a validation split"
        raise InputError(msg)
    return replace(recipe, batch_size=min(recipe.batch_size, len(training)))


def path_of(
    recipe: Recipe, training: FaceSet, validation: FaceSet, machine: Machine, *, teachers: Teachers | None
) -> DataPath:
    """Return the data path of a run.

    Raises:
        InputError: as :func:`converter.training.data_path.choose`.
    """
    sizes = (len(training), len(validation), (teachers.views.count or 0) if teachers is not None else 0)
    return data_path.choose(machine.data_path, recipe, sizes, machine.accelerator, machine.devices)


def augmentation(recipe: Recipe) -> Augmentation:
    """Return the ranges of the random views of a run."""
    return Augmentation().scaled(recipe.augmentation)


def _finished(earlier: ResumeState) -> bool:
    recipe = earlier.recipe
    return earlier.epochs_done >= recipe.epochs or stalled(earlier.rows, recipe.patience)


def _advice(out: Path) -> str:
    last = out / LAST
    if last.is_file():
        return f"the same command continues after the last whole epoch ({last})"
    return "no epoch was completed yet: the same command starts again"


def _task(path: DataPath, start: Path | None, earlier: ResumeState | None) -> ExpressionTask:
    """Create the task of a new or resumed run; a resumed one gets its weights from the checkpoint."""
    task = path.task(bare=earlier is not None)
    if earlier is None and start is not None:
        _begin_with(task, start)
    return task


def _trainer(
    out: Path, recipe: Recipe, machine: Machine, callbacks: list[lightning.Callback], path: DataPath
) -> lightning.Trainer:
    best = ModelCheckpoint(out, filename="best", monitor="val_mean", mode="max", enable_version_counter=False)
    # separate: as the `last` of `best` it would be written only when the monitored metric improves
    latest = ModelCheckpoint(out, filename="last", enable_version_counter=False)
    try:
        return lightning.Trainer(
            max_epochs=recipe.epochs,
            accelerator=machine.accelerator,
            devices=machine.devices,
            precision=machine.precision,
            sync_batchnorm=machine.devices > 1 and machine.accelerator != "cpu" and torch.cuda.is_available(),
            use_distributed_sampler=False,  # our own order distributes every batch
            callbacks=[MovingAverage(recipe.ema_decay), *callbacks, best, latest, *path.callbacks()],
            plugins=[checkpoint.AtomicCheckpointIO()],
            logger=False,
            enable_model_summary=False,
            **path.trainer_options(),
        )
    except (RuntimeError, ValueError, lightning.fabric.utilities.exceptions.MisconfigurationException) as error:
        msg = f"{machine.devices} x {machine.accelerator}: this machine cannot train on it: {shortened(error)}"
        raise InputError(msg) from error


def _begin_with(task: ExpressionTask, start: Path) -> None:
    """Load the averaged weights of another run; heads that it does not have keep their initial weights."""
    try:
        provenance.take_over(task.network, checkpoint.load(start).network)
    except RuntimeError as error:
        msg = f"{start}: has another architecture: choose a start with {task.recipe.architecture}"
        raise InputError(msg) from error
