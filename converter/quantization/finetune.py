"""Fine-tuning under int8 rounding: the network learns to reproduce its float answers in int8.

Batch norms are folded into their convolutions first, as the converter does, so that the trained weights are those that
are rounded. Then weights are rounded per channel and activations between layers per tensor, as in the int8 file, and
gradients pass the rounding unchanged (Jacob et al., 2018, "Quantization and Training of Neural Networks for Efficient
Integer-Arithmetic-Only Inference"). The target is the float network itself on the same picture, so no labels, votes or
teachers are needed, whatever the network was trained on.

PyTorch's own flow (torchao PT2E) has no quantiser that places its rounding where TFLite's kernels do; here it is placed
where the int8 file rounds: after every layer that computes, behind the ReLU that is fused with it.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import lightning
import torch
from lightning.pytorch.callbacks import TQDMProgressBar
from torch import Tensor, fx, nn
from torch.nn.utils import parametrize
from torch.nn.utils.fusion import fuse_conv_bn_eval, fuse_linear_bn_eval

from converter.quantization.rounding import RoundedActivation, RoundedWeight, rounding_places
from converter.shortened import shortened
from converter.training.augment import apply
from converter.training.batches import FaceBatches
from converter.training.task import soft_cross_entropy
from converter.training.views import FaceView, Views
from edge.core.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from converter.datasets.faces import FaceSet
    from converter.training.batches import Batch

_BATCH = 128


@dataclass(frozen=True, slots=True)
class FineTuning:
    """Length and rate; Adam's rate falls to 0 along half a cosine."""

    epochs: int = 3
    learning_rate: float = 2e-5
    batch_size: int = 128
    seed: int = 1


class Folded(nn.Module):
    """Equivalent of ``network`` without batch norms behind convolutions, in evaluation mode.

    Raises:
        InputError: PyTorch cannot trace the network's steps.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.head_names: tuple[str, ...] = tuple(network.head_names)
        try:
            self.layers: fx.GraphModule = _fold(fx.symbolic_trace(copy.deepcopy(network).eval()))
        except (fx.proxy.TraceError, TypeError, RuntimeError, AttributeError) as error:
            cause = shortened(error, 120)
            msg = f"{type(network).__name__} cannot be fine-tuned: {cause}; quantise it without --fine-tune"
            raise InputError(msg) from error

    def forward(self, pictures: Tensor) -> tuple[Tensor, ...]:
        """Return logits ``(n, 7)`` of each head for ``(n, 1, 48, 48)`` in 0..1."""
        return self.layers(pictures)  # type: ignore[no-any-return]


def _fold(traced: fx.GraphModule) -> fx.GraphModule:
    """Fold each batch norm into the convolution or dense layer before it."""
    modules = dict(traced.named_modules())
    for node in list(traced.graph.nodes):
        if node.op != "call_module" or not isinstance(modules[node.target], nn.BatchNorm1d | nn.BatchNorm2d):
            continue
        before = node.args[0]
        layer = modules.get(str(before.target)) if before.op == "call_module" else None
        if isinstance(layer, nn.Conv2d | nn.Linear) and len(before.users) == 1:
            fuse: Any = fuse_conv_bn_eval if isinstance(layer, nn.Conv2d) else fuse_linear_bn_eval
            traced.set_submodule(before.target, fuse(layer, modules[node.target]))
            node.replace_all_uses_with(before)
            traced.graph.erase_node(node)
    traced.delete_all_unused_submodules()
    traced.recompile()
    return traced


def fine_tune(
    network: nn.Module, training: FaceSet, calibration: NDArray[np.float32], settings: FineTuning
) -> nn.Module:
    """Return a copy of ``network``, batch norms folded, whose int8 file follows ``network`` more closely.

    ``calibration`` ``(n, 48, 48)`` float32 in 0..1 gives the ranges between the layers; ``training`` is shown in random
    views, without its labels.

    Raises:
        InputError: PyTorch cannot trace the network's steps.
    """
    folded = Folded(network)
    size = min(settings.batch_size, len(training))
    imitation = _Imitation(network.eval(), rounded(folded, calibration), settings)
    lightning.seed_everything(settings.seed, verbose=False)
    trainer = lightning.Trainer(
        max_epochs=settings.epochs,
        accelerator="auto",
        devices=1,
        callbacks=[TQDMProgressBar(refresh_rate=20)],
        logger=False,
        enable_checkpointing=False,
        enable_model_summary=False,
    )
    trainer.fit(imitation, FaceBatches(training, Views(settings.seed)).loader(size, seed=settings.seed))
    for module in list(folded.modules()):
        if parametrize.is_parametrized(module):
            parametrize.remove_parametrizations(module, "weight", leave_parametrized=False)
    return folded.cpu().eval()


def rounded(folded: Folded, calibration: NDArray[np.float32]) -> fx.GraphModule:
    """Return ``folded`` with int8 rounding inserted; the two share their weights.

    The logits are not rounded: their windows (:mod:`converter.quantization.windows`) are finer than needed.
    """
    graph = copy.deepcopy(folded.layers.graph)
    modules = dict(folded.layers.named_modules())
    graph_module = fx.GraphModule(folded.layers, graph)  # shares the modules instead of copying them
    for index, node in enumerate(rounding_places(graph, modules)):
        name = f"rounding_{index}"
        graph_module.add_submodule(name, RoundedActivation(fixed=node.op == "placeholder"))
        with graph.inserting_after(node):
            inserted = graph.call_module(name, (node,))
        node.replace_all_uses_with(inserted, delete_user_cb=lambda user, new=inserted: user is not new)
    graph_module.recompile()
    with torch.no_grad():
        for batch in torch.from_numpy(calibration).unsqueeze(1).split(_BATCH):
            graph_module(batch)
    for module in list(graph_module.modules()):
        if isinstance(module, RoundedActivation):
            module.settle()
        elif isinstance(module, nn.Conv2d | nn.Linear):
            parametrize.register_parametrization(module, "weight", RoundedWeight())
    return graph_module


def _classes(logits: Tensor) -> Tensor:
    """Logits of two classes for a face output, which gives the log-odds of one; those of a head as they are."""
    return logits if logits.shape[1] > 1 else torch.cat([logits, torch.zeros_like(logits)], dim=1)


class _Imitation(lightning.LightningModule):
    """The rounded network, trained with cross entropy against the float network's probabilities."""

    def __init__(self, target: nn.Module, learning: nn.Module, settings: FineTuning) -> None:
        super().__init__()
        self.wanted, self.learning, self.settings = target, learning, settings

    def training_step(self, batch: Batch, _index: int) -> Tensor:
        """Return the sum over the heads on one batch, each picture in its view."""
        pictures = apply(batch.pictures, FaceView(*batch.view))
        self.eval()  # Lightning sets training mode; the target has no dropout, and its batch norms are fixed
        with torch.no_grad():
            targets = self.wanted(pictures)
        loss = torch.zeros((), device=pictures.device)
        for logits, target in zip(self.learning(pictures), targets, strict=True):
            loss = loss + soft_cross_entropy(_classes(logits), _classes(target).softmax(dim=1))
        self.log("loss", loss, prog_bar=True)
        return loss

    def configure_optimizers(self) -> dict[str, Any]:
        """Return Adam, whose steps do not depend on the size of a folded weight; the rate falls every batch."""
        optimizer = torch.optim.Adam(self.learning.parameters(), lr=self.settings.learning_rate)
        steps = max(1, int(self.trainer.estimated_stepping_batches))
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}
