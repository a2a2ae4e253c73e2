"""Training task: one network, the losses of its heads, its optimiser."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import lightning
import torch
from torch import Tensor, nn
from torch.nn import functional
from torchmetrics.classification import MulticlassAccuracy

from converter.architectures import build
from converter.heads import HEADS, measured_by
from converter.training import mixup
from converter.training.augment import apply
from converter.training.mixup import Blend
from converter.training.recipe import from_checkpoint
from converter.training.schedule import rate_factor, warmup_steps
from converter.training.views import FaceView, mix
from edge.core.errors import InputError

if TYPE_CHECKING:
    from converter.datasets.faces import FaceSet
    from converter.training.batches import Batch


class ExpressionTask(lightning.LightningModule):
    """Network trained with cross entropy on original labels, vote distributions and, if there are any, its teachers.

    ``bare`` leaves out pretrained weights, for a network that is about to be loaded from a checkpoint.
    """

    def __init__(self, recipe: dict[str, Any], *, bare: bool = False) -> None:
        super().__init__()
        self.save_hyperparameters("recipe")
        self.recipe = from_checkpoint(recipe)
        self._classes = len(self.recipe.classes)
        network = build(self.recipe.architecture, bare=bare, heads=self.recipe.heads, classes=self._classes)
        self.network: nn.Module = network.to(memory_format=torch.channels_last)
        self.head_names: tuple[str, ...] = self.network.head_names
        self.measured: tuple[str, ...] = self.head_names
        """Heads that the validation split has labels for."""
        self.answered: tuple[str, ...] = HEADS
        """Heads that the teachers, if any, have answers for, in the order of the answers."""
        if self.recipe.dropout is not None:
            set_dropout(self.network, self.recipe.dropout)
        self.accuracies = nn.ModuleDict(
            {
                f"{stage}_{head}": MulticlassAccuracy(self._classes, average="micro", ignore_index=-1)
                for stage in ("train", "val")
                for head in self.head_names
            }
        )
        for head in self.head_names:
            self.register_buffer(f"weights_{head}", torch.ones(self._classes), persistent=False)

    def forward(self, pictures: Tensor) -> tuple[Tensor, ...]:
        """Return the logits of each head for ``(n, 1, 48, 48)`` in 0..1."""
        return self.network(pictures.contiguous(memory_format=torch.channels_last))  # type: ignore[no-any-return]

    def weigh_classes(self, faces: FaceSet) -> None:
        """Weight the emotions by their rarity among ``faces``; the mean weight over the pictures is 1."""
        counts = {"fer2013": torch.from_numpy(faces.labels).bincount(minlength=self._classes).float()}
        counts["consensus"] = torch.from_numpy(faces.votes).sum(dim=0)
        for head in self.head_names:
            shares = counts[head].clamp_min(1) / counts[head].clamp_min(1).sum()
            # a class that never occurs is not rare: it gets the mean weight
            weights = torch.where(counts[head] > 0, shares**-self.recipe.class_weights, 1.0)
            getattr(self, f"weights_{head}").copy_(weights / (weights * shares).sum())

    def measure_with(self, faces: FaceSet) -> None:
        """Choose epochs only by the heads that ``faces`` has labels for.

        Raises:
            InputError: there are no labels for any head.
        """
        self.measured = tuple(head for head in self.head_names if head in measured_by(faces))
        if not self.measured:
            msg = f"the validation pictures have no labels for {', '.join(self.head_names)}"
            raise InputError(msg)

    def on_train_batch_start(self, batch: Batch, batch_idx: int) -> None:
        """Seed dropout by seed and step alone, so that it is the same after a resume."""
        del batch, batch_idx
        torch.manual_seed(mix(self.recipe.seed, self.global_step))

    def training_step(self, batch: Batch, _index: int) -> Tensor:
        """Return the sum of the heads' losses on one batch, in their views and blended if the recipe says so."""
        shown, blend = apply(batch.pictures, FaceView(*batch.view)), None
        if self.recipe.mixup > 0:
            share, partners = mixup.draw(self.recipe.mixup, self.recipe.seed, self.global_step, len(shown))
            blend = Blend(share, partners.to(shown.device))
        outputs, loss = self.learn(batch, shown, blend)
        for head, logits, truth in zip(self.head_names, outputs, self.truths(batch), strict=True):
            self._note("train", head, logits.float(), truth)
        self.log("train_loss", loss, on_step=False, on_epoch=True, batch_size=len(batch.labels))
        return loss

    def learn(self, batch: Batch, shown: Tensor, blend: Blend | None = None) -> tuple[tuple[Tensor, ...], Tensor]:
        """Return the logits of each head and the loss ``()`` for ``batch``, whose pictures are ``shown``.

        With a ``blend`` the pictures are blended in pairs. Nothing here synchronises with the device or reads its
        values: on a GPU it is captured as a graph.
        """
        if blend is None:
            outputs = self(shown)
            return outputs, self._loss(outputs, batch)
        share, partners = blend
        outputs = self(share * shown + (1 - share) * shown[partners])
        other = self._loss(outputs, batch.take(partners))
        return outputs, share * self._loss(outputs, batch) + (1 - share) * other

    def truths(self, batch: Batch) -> list[Tensor]:
        """Return the true class of each picture for each head, ``(n,)``, -1 if unknown."""
        return [_truth(head, batch) for head in self.head_names]

    def train_accuracies(self) -> dict[str, float]:
        """Return the training accuracy of each head in the current epoch."""
        return {head: float(self.accuracies[f"train_{head}"].compute()) for head in self.head_names}

    def total_steps(self) -> int:
        """Return the number of steps of the whole run."""
        return int(self.trainer.estimated_stepping_batches)

    def _loss(self, outputs: tuple[Tensor, ...], batch: Batch) -> Tensor:
        loss = torch.zeros((), device=batch.pictures.device)
        for head, logits in zip(self.head_names, outputs, strict=True):
            values = logits.float()
            share = self.recipe.distill_share if len(batch.teachers) and head in self.answered else 0.0
            if share < 1:
                loss = loss + (1 - share) * self._label_loss(head, values, batch)
            if share > 0:
                teachers, weights = batch.teachers[:, self.answered.index(head)], getattr(self, f"weights_{head}")
                loss = loss + share * _distillation_loss(values, teachers, self.recipe.distill_temperature, weights)
        return loss

    def validation_step(self, batch: Batch, _index: int) -> None:
        """Update the accuracy of each head against its own labels, on plain pictures in one view."""
        loss = torch.zeros((), device=batch.pictures.device)
        for head, logits in zip(self.head_names, self(batch.pictures), strict=True):
            values = logits.float()
            target = functional.one_hot(batch.labels, self._classes).float() if head == "fer2013" else batch.votes
            loss = loss + soft_cross_entropy(values, target)
            self._note("val", head, values, _truth(head, batch))
        self.log("val_loss", loss, batch_size=len(batch.labels), sync_dist=True)

    def on_validation_epoch_end(self) -> None:
        """Log the mean accuracy of the heads, which the best checkpoint is chosen by."""
        means = [self.accuracies[f"val_{head}"].compute() for head in self.measured]
        self.log("val_mean", torch.stack(means).mean())

    def configure_optimizers(self) -> dict[str, Any]:
        """Return the recipe's optimiser with linear warm-up and cosine decay, updated after every batch."""
        recipe = self.recipe
        decayed = [p for p in self.network.parameters() if p.ndim > 1]
        plain = [p for p in self.network.parameters() if p.ndim <= 1]
        groups = [{"params": decayed, "weight_decay": recipe.weight_decay}, {"params": plain, "weight_decay": 0.0}]
        optimizer: torch.optim.Optimizer
        if recipe.optimizer == "adam":
            optimizer = torch.optim.AdamW(groups, lr=recipe.learning_rate)
        else:
            optimizer = torch.optim.SGD(groups, lr=recipe.learning_rate, momentum=0.9, nesterov=True)
        total = self.total_steps()
        factor = partial(rate_factor, total=total, warmup=warmup_steps(total, recipe.warmup_epochs, recipe.epochs))
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, factor)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Restore only the step of the schedule from the checkpoint; the rest follows from the recipe."""
        checkpoint["lr_schedulers"] = [
            {"last_epoch": kept["last_epoch"], "lr_lambdas": [None]} for kept in checkpoint["lr_schedulers"]
        ]

    def on_train_start(self) -> None:
        """Set the rate of the first step, which differs from the checkpoint's in a run made longer."""
        schedule = self.lr_schedulers()
        if not isinstance(schedule, torch.optim.lr_scheduler.LambdaLR):
            return  # the learning rate search has its own schedule
        for group, base, factor in zip(
            self.optimizers().param_groups, schedule.base_lrs, schedule.lr_lambdas, strict=True
        ):
            group["lr"] = base * factor(schedule.last_epoch)

    def _label_loss(self, head: str, logits: Tensor, batch: Batch) -> Tensor:
        weights = getattr(self, f"weights_{head}")
        if head == "consensus":
            return soft_cross_entropy(logits, batch.votes, weights)
        smoothing, share = self.recipe.label_smoothing, self.recipe.label_mix
        labels = _one_hot(batch.labels, self._classes) * (1 - smoothing) + smoothing / self._classes
        voted = batch.votes.sum(dim=1, keepdim=True)
        return soft_cross_entropy(logits, labels * (1 - share * voted) + share * batch.votes, weights)

    def _note(self, stage: str, head: str, logits: Tensor, truth: Tensor) -> None:
        name = f"{stage}_{head}"
        accuracy = self.accuracies[name]
        accuracy(logits.detach(), truth)
        self.log(name, accuracy, on_step=False, on_epoch=True, prog_bar=stage == "val", batch_size=len(truth))


def set_dropout(network: nn.Module, share: float) -> None:
    """Set the dropout rate of every dropout layer of ``network`` to ``share``.

    Raises:
        InputError: it has no dropout layer.
    """
    layers = [module for module in network.modules() if isinstance(module, nn.Dropout)]
    if not layers:
        msg = "--dropout: this network has no dropout layer"
        raise InputError(msg)
    for layer in layers:
        layer.p = share


def _one_hot(labels: Tensor, classes: int) -> Tensor:
    """Return ``(n, classes)`` for labels ``(n,)``; ``functional.one_hot`` would read the labels to check them."""
    return (labels.unsqueeze(1) == torch.arange(classes, device=labels.device)).float()


def _truth(head: str, batch: Batch) -> Tensor:
    return batch.labels if head == "fer2013" else batch.majority


def soft_cross_entropy(logits: Tensor, shares: Tensor, weights: Tensor | None = None) -> Tensor:
    """Return the cross entropy ``()`` of logits against ``shares``, both ``(n, classes)``; zero rows are ignored.

    ``weights`` ``(classes,)`` multiply each class's part.
    """
    parts = -shares * functional.log_softmax(logits, dim=1)
    return (parts if weights is None else parts * weights).sum() / shares.sum().clamp_min(1.0)


def _distillation_loss(logits: Tensor, teachers: Tensor, temperature: float, weights: Tensor) -> Tensor:
    """Return the cross entropy against the teachers' softened vote (Hinton et al., 2015: scaled by T squared)."""
    softened = teachers.clamp_min(1e-6).pow(1 / temperature)
    softened = softened / softened.sum(dim=1, keepdim=True)
    return temperature**2 * soft_cross_entropy(logits / temperature, softened, weights)
