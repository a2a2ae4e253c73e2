"""Two ways from pictures to training steps: batches from a data loader, or all data resident on the device."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol

import torch
from lightning.pytorch.callbacks import TQDMProgressBar
from torch import Tensor

from converter.training.batches import FaceBatches
from converter.training.devices import is_on_gpu
from converter.training.resident.faces import ResidentBatches, ResidentFaces, bytes_needed
from converter.training.resident.task import ResidentTask
from converter.training.resident.watching import EpochBar, TimedValidation
from converter.training.task import ExpressionTask
from edge.core.errors import InputError

if TYPE_CHECKING:
    import lightning

    from converter.datasets.faces import FaceSet
    from converter.training.recipe import Recipe

AUTO, RESIDENT, LOADER = "auto", "resident", "loader"
PATHS = (AUTO, RESIDENT, LOADER)
_VALIDATION_BATCH = 512
_MOST_OF_MEMORY = 0.5
"""Share of the free memory that the data may take if the path is chosen automatically; the network needs the rest."""
_VALIDATION_SECONDS = 10.0
"""Time between two validations on a GPU: one takes half a second with checkpoints and curves, as much as an epoch."""

Answers = Callable[[int], Tensor] | None
"""Teachers' probabilities ``(n, heads, 7)`` for all pictures in a view."""


class DataPath(Protocol):
    """The parts of a run that depend on how its data gets to the device; a run can be resumed on another path."""

    validation_seconds: float
    """Minimum seconds between two validations; 0 validates after every epoch."""

    def trainer_options(self) -> dict[str, Any]:
        """Return options for Lightning's trainer."""
        ...

    def callbacks(self) -> list[Any]:
        """Return callbacks for Lightning's trainer."""
        ...

    def task(self, *, bare: bool) -> ExpressionTask:
        """Create the task; ``bare`` leaves out pretrained weights."""
        ...

    def answers(self, vote: Answers, trainer: lightning.Trainer) -> Answers:
        """Return the teachers' answers for a view in the form that the path stores them."""
        ...

    def data(self, faces: FaceBatches, validation: FaceSet, trainer: lightning.Trainer) -> tuple[Any, Any]:
        """Return the training data and the validation data for the trainer."""
        ...


class LoaderPath:
    """Assembles batches on the host and moves them to the device one by one: for CPUs and for several devices."""

    validation_seconds = 0.0

    def __init__(self, recipe: Recipe) -> None:
        self._recipe = recipe

    def trainer_options(self) -> dict[str, Any]:
        """Return options that bound the gradient."""
        return {"gradient_clip_val": self._recipe.gradient_clip or None}

    def callbacks(self) -> list[Any]:
        """Return a progress bar over the batches of an epoch."""
        return [TQDMProgressBar(refresh_rate=20)]

    def task(self, *, bare: bool) -> ExpressionTask:
        """Create the task that Lightning trains step by step."""
        return ExpressionTask(asdict(self._recipe), bare=bare)

    def answers(self, vote: Answers, trainer: lightning.Trainer) -> Answers:
        """Return answers that are read from disk in every epoch."""
        del trainer
        return vote

    def data(self, faces: FaceBatches, validation: FaceSet, trainer: lightning.Trainer) -> tuple[Any, Any]:
        """Return loaders that give each process its own part of every batch."""
        part = {"rank": trainer.global_rank, "ranks": trainer.world_size}
        learning = faces.loader(self._recipe.batch_size, seed=self._recipe.seed, **part)
        return learning, FaceBatches(validation).loader(_VALIDATION_BATCH, **part)


class ResidentPath:
    """Keeps all data on one device and runs whole epochs without the host (:mod:`converter.training.resident`)."""

    def __init__(self, recipe: Recipe, pictures: int, *, on_gpu: bool) -> None:
        self._recipe, self._steps, self._on_gpu = recipe, pictures // recipe.batch_size, on_gpu
        # patience counts epochs
        self.validation_seconds = _VALIDATION_SECONDS if on_gpu and not recipe.patience else 0.0

    def trainer_options(self) -> dict[str, Any]:
        """Let cuDNN measure which kernels are fastest; the training step bounds the gradient."""
        return {"benchmark": True if self._on_gpu else None, "enable_progress_bar": False}

    def callbacks(self) -> list[Any]:
        """Validate at intervals on a GPU, where a validation takes as long as an epoch; show a bar over the epochs."""
        return [TimedValidation(self.validation_seconds), EpochBar()]

    def task(self, *, bare: bool) -> ExpressionTask:
        """Create the task that trains a whole epoch per step."""
        return ResidentTask(asdict(self._recipe), bare=bare, steps=self._steps)

    def answers(self, vote: Answers, trainer: lightning.Trainer) -> Answers:
        """Keep answers on the device once they are read: 1.6 MB a view of FER2013."""
        device = trainer.strategy.root_device
        return None if vote is None else cache(lambda index: vote(index).to(device))

    def data(self, faces: FaceBatches, validation: FaceSet, trainer: lightning.Trainer) -> tuple[Any, Any]:
        """Move all data to the device."""
        device, recipe = trainer.strategy.root_device, self._recipe
        resident = ResidentFaces(faces, recipe.batch_size, recipe.seed, device)
        return resident, ResidentBatches(validation, _VALIDATION_BATCH, device)


def choose(requested: str, recipe: Recipe, sizes: tuple[int, int, int], accelerator: str, devices: int) -> DataPath:
    """Choose the path of a run; ``sizes`` are the numbers of training pictures, validation pictures and views.

    ``auto`` is resident on a single CUDA device whose free memory holds the data twice, else the loader.

    Raises:
        InputError: the resident path is requested for several devices or a device that does not hold the data.
    """
    refuse(requested, devices)
    on_gpu = is_on_gpu(accelerator)
    if requested == LOADER or (requested == AUTO and (not on_gpu or devices != 1)):
        return LoaderPath(recipe)
    needed, free = bytes_needed(*sizes), torch.cuda.mem_get_info()[0] if on_gpu else None
    if free is not None and needed > free * (_MOST_OF_MEMORY if requested == AUTO else 1):
        if requested == AUTO:
            return LoaderPath(recipe)
        msg = f"the data takes {needed / 1e9:.1f} GB, the device has {free / 1e9:.1f} free: give --data-path {LOADER}"
        raise InputError(msg)
    return ResidentPath(recipe, sizes[0], on_gpu=on_gpu)


def refuse(requested: str, devices: int) -> None:
    """Reject a choice of path that :func:`choose` would refuse for any data.

    Raises:
        InputError: the resident path is requested for several devices, or no path has that name.
    """
    if requested not in PATHS:
        msg = f"data path {requested!r}: expected one of {', '.join(PATHS)}"
        raise InputError(msg)
    if requested == RESIDENT and devices != 1:
        msg = f"--data-path {RESIDENT} keeps everything on one device, not on {devices}: give --devices 1"
        raise InputError(msg)
