"""Trains a network, alone or under teachers; stopped at any moment, it goes on to the same result."""

from __future__ import annotations

import pickle
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import lightning
import torch
from lightning.pytorch.callbacks import EMAWeightAveraging, ModelCheckpoint, TQDMProgressBar

from converter.training import checkpoint
from converter.training.batches import FaceBatches
from converter.training.history import History
from converter.training.recipe import Recipe, differences, from_checkpoint
from converter.training.task import ExpressionTask
from converter.training.views import Views
from edge.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

    from converter.datasets.faces import FaceSet
    from converter.training.teachers import Teachers

__all__ = ["Machine", "Recipe", "train"]


@dataclass(frozen=True, slots=True)
class Machine:
    """Where a run computes: Lightning's own words for kind and number of devices; the result hardly depends on it."""

    accelerator: str = "auto"
    devices: int = 1
    precision: str = "bf16-mixed"


def train(
    training: FaceSet,
    validation: FaceSet,
    out: Path,
    recipe: Recipe,
    *,
    teachers: Teachers | None = None,
    start: Path | None = None,
    machine: Machine | None = None,
) -> Path:
    """Train to the end, resuming ``out/last.ckpt`` where there is one; returns the best checkpoint by validation.

    Best is by the sum of the heads' accuracies. ``out`` receives ``last.ckpt``, ``best.ckpt``, ``history.csv`` and
    ``curves.png``, all written every epoch; stopped at any moment, a run goes on from the last whole epoch. ``start``
    gives the weights to begin with.

    Raises:
        InputError: ``out`` holds a run of another recipe, no network has the recipe's name, ``start`` is of another
            network, or the machine has no such devices.
    """
    lightning.seed_everything(recipe.seed, verbose=False)
    last = out / "last.ckpt"
    task = ExpressionTask(asdict(recipe), bare=last.is_file())
    if last.is_file():
        _refuse_another_recipe(last, recipe)
    elif start is not None:
        _begin_with(task, start)
    task.weigh_classes(training)
    trainer = _trainer(out, recipe, machine or Machine(), task.head_names)
    views = teachers.views if teachers is not None else Views(recipe.seed)
    faces = FaceBatches(training, views, teachers.vote if teachers is not None else None)
    trainer.fit(
        task,
        faces.loader(recipe.batch_size, seed=recipe.seed, rank=trainer.global_rank, ranks=trainer.world_size),
        FaceBatches(validation).loader(512, rank=trainer.global_rank, ranks=trainer.world_size),
        ckpt_path=str(last) if last.is_file() else None,
        weights_only=False,
    )
    return out / "best.ckpt"


def _trainer(out: Path, recipe: Recipe, machine: Machine, heads: tuple[str, ...]) -> lightning.Trainer:
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
            callbacks=[
                EMAWeightAveraging(decay=recipe.ema_decay),
                History(out, heads),
                best,
                latest,
                TQDMProgressBar(refresh_rate=20),
            ],
            logger=False,
            enable_model_summary=False,
            gradient_clip_val=5.0,
        )
    except (RuntimeError, ValueError, lightning.fabric.utilities.exceptions.MisconfigurationException) as error:
        cause = " ".join(str(error).split())[:160]
        msg = f"{machine.devices} x {machine.accelerator}: this machine cannot train on it: {cause}"
        raise InputError(msg) from error


def _begin_with(task: ExpressionTask, start: Path) -> None:
    """Take over the averaged weights of another run."""
    try:
        task.network.load_state_dict(checkpoint.load(start).network.state_dict())
    except RuntimeError as error:
        msg = f"{start}: is of another network than {task.recipe.architecture}: choose a start of the same architecture"
        raise InputError(msg) from error


def _refuse_another_recipe(last: Path, recipe: Recipe) -> None:
    try:
        found = from_checkpoint(torch.load(last, map_location="cpu", weights_only=True)["hyper_parameters"]["recipe"])
    except (pickle.UnpicklingError, EOFError, KeyError, TypeError, RuntimeError) as error:
        msg = f"{last}: cannot be resumed: {type(error).__name__}; remove it or choose another --out"
        raise InputError(msg) from error
    for name in differences(recipe, found):
        has, wanted = getattr(found, name), getattr(recipe, name)
        msg = f"{last}: has {name} {has}, not {wanted}: choose another --out or the same recipe"
        raise InputError(msg)
