"""Train a network on FER2013 and FER+ votes.

Recipe of the shipped model:

    face-convert train --data DIR --out runs/plain

Measured on two AVX-512 cores: 45 epochs in 35 minutes with nothing else running. Result, float, one view,
PublicTest, seed 1: 69.2 % on the original labels, 84.3 % on the majority of the FER+ votes.
"""

from __future__ import annotations

import pickle
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import lightning
import torch
from lightning.pytorch.callbacks import EMAWeightAveraging, ModelCheckpoint, TQDMProgressBar
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset, Sampler
from torchmetrics.classification import MulticlassAccuracy

from converter.architectures import build
from converter.architectures.heads import HEADS
from converter.augment import Augmentation
from converter.history import History
from edge.errors import InputError
from edge.types import EMOTIONS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from converter.datasets.faces import FaceSet

Batch = tuple[Tensor, Tensor, Tensor, Tensor]


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that decides the result, kept in the checkpoint and the manifest."""

    architecture: str = "plain"
    epochs: int = 45
    batch_size: int = 128
    learning_rate: float = 0.1
    weight_decay: float = 5e-4
    warmup_epochs: int = 2
    label_smoothing: float = 0.05
    ema_decay: float = 0.998
    seed: int = 1


class FaceBatches(Dataset[Batch]):
    """Whole batches by a list of rows: ``(pictures, labels, votes, majority)``."""

    def __init__(self, faces: FaceSet) -> None:
        self._tensors = tuple(torch.from_numpy(a) for a in (faces.pixels, faces.labels, faces.votes, faces.majority))

    def __len__(self) -> int:
        return len(self._tensors[0])

    def __getitem__(self, rows: Any) -> Batch:
        pixels, labels, votes, majority = (tensor[rows] for tensor in self._tensors)
        return pixels.unsqueeze(1).float() / 255, labels, votes, majority

    def loader(self, batch_size: int, *, seed: int | None = None) -> DataLoader[Batch]:
        """All batches in order; with a ``seed``, in an order of each epoch's own and without the odd last one."""
        return DataLoader(self, sampler=_Order(len(self), batch_size, seed), batch_size=None)


class _Order(Sampler[list[int]]):
    """Rows of each batch; the order follows from seed and epoch alone, so that a resumed run sees the same."""

    def __init__(self, n: int, batch_size: int, seed: int | None) -> None:
        self._n, self._batch_size, self._seed = n, batch_size, seed
        self._epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Called by Lightning before each epoch."""
        self._epoch = epoch

    def __len__(self) -> int:
        return self._n // self._batch_size if self._seed is not None else -(-self._n // self._batch_size)

    def __iter__(self) -> Iterator[list[int]]:
        rows = torch.arange(self._n)
        if self._seed is not None:
            rows = torch.randperm(self._n, generator=torch.Generator().manual_seed(_mix(self._seed, self._epoch)))
        for index in range(len(self)):
            yield rows[index * self._batch_size : (index + 1) * self._batch_size].tolist()


def _mix(seed: int, count: int) -> int:
    """A seed for one epoch or step of a run."""
    return seed * 1_000_003 + count


class ExpressionTask(lightning.LightningModule):
    """The two-headed network under cross entropy: hard original labels, soft vote distributions."""

    def __init__(self, recipe: dict[str, Any]) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.recipe = Recipe(**recipe)
        self.network: nn.Module = build(self.recipe.architecture).to(memory_format=torch.channels_last)
        self.augment = Augmentation()
        self.accuracies = nn.ModuleDict(
            {head: MulticlassAccuracy(len(EMOTIONS), average="micro", ignore_index=-1) for head in HEADS}
        )

    def forward(self, pictures: Tensor) -> tuple[Tensor, ...]:
        """Logits of each head for ``(n, 1, 48, 48)`` in 0..1."""
        return self.network(pictures.contiguous(memory_format=torch.channels_last))  # type: ignore[no-any-return]

    def on_train_batch_start(self, batch: Batch, batch_idx: int) -> None:
        """Let augmentation and dropout follow from seed and step alone, also after a resume."""
        del batch, batch_idx
        torch.manual_seed(_mix(self.recipe.seed, self.global_step))

    def training_step(self, batch: Batch, _index: int) -> Tensor:
        """Mean loss of both heads on one augmented batch."""
        pictures, labels, votes, _majority = batch
        original, consensus = self(self.augment(pictures))
        loss = functional.cross_entropy(original, labels, label_smoothing=self.recipe.label_smoothing)
        loss = loss + _soft_cross_entropy(consensus, votes)
        self.log("train_loss", loss, on_step=False, on_epoch=True)
        return loss

    def validation_step(self, batch: Batch, _index: int) -> None:
        """Accuracy of each head against its own labels, one view."""
        pictures, labels, votes, majority = batch
        original, consensus = self(pictures)
        loss = functional.cross_entropy(original, labels) + _soft_cross_entropy(consensus, votes)
        self.log("val_loss", loss, batch_size=len(labels))
        for head, logits, truth in zip(HEADS, (original, consensus), (labels, majority), strict=True):
            accuracy = self.accuracies[head]
            accuracy(logits, truth)
            self.log(f"val_{head}", accuracy, on_step=False, on_epoch=True, prog_bar=True, batch_size=len(labels))

    def configure_optimizers(self) -> dict[str, Any]:
        """SGD with Nesterov momentum under linear warm-up and cosine decay, stepped every batch."""
        recipe = self.recipe
        decayed = [p for p in self.network.parameters() if p.ndim > 1]
        plain = [p for p in self.network.parameters() if p.ndim <= 1]
        groups = [{"params": decayed, "weight_decay": recipe.weight_decay}, {"params": plain, "weight_decay": 0.0}]
        optimizer = torch.optim.SGD(groups, lr=recipe.learning_rate, momentum=0.9, nesterov=True)
        total = int(self.trainer.estimated_stepping_batches)
        warmup = max(1, total * recipe.warmup_epochs // max(recipe.epochs, 1))
        schedule = torch.optim.lr_scheduler.SequentialLR(
            optimizer,
            [
                torch.optim.lr_scheduler.LinearLR(optimizer, 0.01, total_iters=warmup),
                torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, max(1, total - warmup)),
            ],
            [warmup],
        )
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


def _soft_cross_entropy(logits: Tensor, shares: Tensor) -> Tensor:
    """Cross entropy against distributions; rows of zeros weigh nothing."""
    losses = -(shares * functional.log_softmax(logits.float(), dim=1)).sum(dim=1)
    return losses.sum() / shares.sum().clamp_min(1.0)


def train(training: FaceSet, validation: FaceSet, out: Path, recipe: Recipe) -> Path:
    """Train to the end, resuming ``out/last.ckpt`` where there is one; returns the best checkpoint by PublicTest.

    Stopped at any moment it goes on from the last whole epoch, to the same result as if it had not been stopped.

    ``out`` receives ``last.ckpt``, ``best.ckpt``, ``history.csv`` and ``curves.png``, all written every epoch.

    Raises:
        InputError: ``out`` holds a run of another recipe, or no network has the recipe's name.
    """
    lightning.seed_everything(recipe.seed, verbose=False)
    best = ModelCheckpoint(out, filename="best", monitor="val_fer2013", mode="max", enable_version_counter=False)
    # on its own: what `best` would keep as last is written only when the monitored figure improves
    latest = ModelCheckpoint(out, filename="last", enable_version_counter=False)
    trainer = lightning.Trainer(
        max_epochs=recipe.epochs,
        precision="bf16-mixed",
        callbacks=[
            EMAWeightAveraging(decay=recipe.ema_decay),
            History(out),
            best,
            latest,
            TQDMProgressBar(refresh_rate=20),
        ],
        logger=False,
        enable_model_summary=False,
        gradient_clip_val=5.0,
    )
    task = ExpressionTask(asdict(recipe))
    last = out / "last.ckpt"
    if last.is_file():
        _refuse_another_recipe(last, recipe)
    trainer.fit(
        task,
        FaceBatches(training).loader(recipe.batch_size, seed=recipe.seed),
        FaceBatches(validation).loader(512),
        ckpt_path=str(last) if last.is_file() else None,
        weights_only=False,
    )
    return out / "best.ckpt"


def _refuse_another_recipe(last: Path, recipe: Recipe) -> None:
    try:
        found = torch.load(last, map_location="cpu", weights_only=True)["hyper_parameters"]["recipe"]
    except (pickle.UnpicklingError, EOFError, KeyError, TypeError, RuntimeError) as error:
        msg = f"{last}: cannot be resumed: {type(error).__name__}; remove it or choose another --out"
        raise InputError(msg) from error
    wanted = asdict(recipe)
    for name in sorted(wanted.keys() | found.keys()):
        if wanted.get(name) != found.get(name):
            msg = (
                f"{last}: has {name} {found.get(name)}, not {wanted.get(name)}: choose another --out or the same recipe"
            )
            raise InputError(msg)
