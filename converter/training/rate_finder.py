"""Learning rate search: train under a growing rate and find the steepest fall of the loss (Smith, 2017)."""

from __future__ import annotations

import tempfile
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import lightning
import numpy as np
from lightning.pytorch.tuner import Tuner

from converter.plots import label_axes, new_figure, to_png
from converter.training.batches import FaceBatches
from converter.training.task import ExpressionTask
from converter.training.train import augmentation
from converter.training.views import Views

if TYPE_CHECKING:
    from converter.datasets.faces import FaceSet
    from converter.training.recipe import Recipe
    from converter.training.train import Machine

STEPS = 100
_LOWEST, _HIGHEST = 1e-6, 10.0


@dataclass(frozen=True, slots=True)
class RateTest:
    """Rates in the order in which they were tried, the smoothed loss under each, and the suggested rate.

    ``suggestion`` is ``None`` if the loss did not fall.
    """

    rates: tuple[float, ...]
    losses: tuple[float, ...]
    suggestion: float | None

    def plot(self) -> bytes:
        """Return a PNG of the loss over the rate with the suggestion marked."""
        figure, (axes,) = new_figure(6, 4, 1)
        axes.plot(self.rates, self.losses)
        axes.set_xscale("log")
        if self.suggestion is not None:
            axes.axvline(self.suggestion, color="C1", linestyle="--", label=f"suggested: {self.suggestion:.2g}")
        label_axes(axes, "learning rate", "loss, smoothed", legend=self.suggestion is not None)
        return to_png(figure)


def find_rate(training: FaceSet, recipe: Recipe, machine: Machine, *, steps: int = STEPS) -> RateTest:
    """Train a network of ``recipe`` for ``steps`` steps under a rate that grows from 1e-6 to 10; keep no files.

    The test ends early if the loss grows to four times its minimum.
    """
    lightning.seed_everything(recipe.seed, verbose=False)
    batch = min(recipe.batch_size, len(training))
    epochs = -(-steps // (len(training) // batch)) + 1
    task = ExpressionTask(asdict(replace(recipe, epochs=epochs, batch_size=batch)))
    task.weigh_classes(training)
    faces = FaceBatches(training, Views(recipe.seed, None, augmentation(recipe)))
    with tempfile.TemporaryDirectory(prefix="face-convert-") as folder:
        trainer = lightning.Trainer(
            default_root_dir=folder,
            max_epochs=epochs,
            accelerator=machine.accelerator,
            devices=1,
            precision=machine.precision,
            logger=False,
            enable_checkpointing=False,
            enable_model_summary=False,
            enable_progress_bar=False,
            gradient_clip_val=recipe.gradient_clip or None,
        )
        loader = faces.loader(batch, seed=recipe.seed)
        options: dict[str, Any] = {"min_lr": _LOWEST, "max_lr": _HIGHEST, "num_training": steps, "update_attr": False}
        result: Any = Tuner(trainer).lr_find(task, train_dataloaders=loader, **options)
    rates, losses = (np.asarray(result.results[name], float) for name in ("lr", "loss"))
    count = min(len(rates), len(losses))
    suggestion = result.suggestion()
    return RateTest(
        tuple(rates[:count].tolist()), tuple(losses[:count].tolist()), None if suggestion is None else float(suggestion)
    )
