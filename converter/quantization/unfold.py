"""Unfolding of batch norms that were folded into their convolutions, so that a network can be trained further.

A network whose batch norms only add a bias would compute something else in training, where they use the statistics of
the batch. So each gets the mean and variance of its convolution's output on training pictures, and the scale and shift
that undo them. Each filter is scaled to the norm of its initialisation: a batch norm accepts any norm, and the norm
determines how far a step of gradient descent turns the filter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from converter.training.augment import apply
from converter.training.views import Views

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

_STATISTICS = 8192
"""Maximum number of pictures for the statistics."""
_BATCH = 256
_INITIAL_LENGTH = 3**-0.5
"""Norm of a filter initialised by PyTorch, whatever its number of weights."""
_LEAST_LENGTH = 1e-6


def normalised(network: nn.Module) -> Iterator[tuple[nn.Conv2d, nn.BatchNorm2d]]:
    """Return each convolution with the batch norm behind it, in the order of execution."""
    modules = [module for module in network.modules() if isinstance(module, nn.Conv2d | nn.BatchNorm2d)]
    return zip(modules[::2], modules[1::2], strict=True)


@torch.no_grad()
def settle(network: nn.Module, pixels: NDArray[np.uint8], seed: int) -> None:
    """Give the batch norms of ``network``, in evaluation mode, statistics of their input without changing the output.

    ``pixels`` ``(n, 48, 48)`` uint8 grey are shown in random views, as in training.
    """
    pairs = list(normalised(network))
    for (convolution, norm), (mean, variance) in zip(pairs, _statistics(network, pixels, seed), strict=True):
        lengths = convolution.weight.flatten(1).norm(dim=1)
        wanted = 1 / convolution.kernel_size[0] if convolution.groups > 1 else _INITIAL_LENGTH
        factor = torch.where(lengths > _LEAST_LENGTH, wanted / lengths.clamp_min(_LEAST_LENGTH), 1.0)
        convolution.weight.mul_(factor.view(-1, 1, 1, 1))
        norm.running_mean.copy_(mean * factor)
        norm.running_var.copy_(variance * factor**2)
        norm.weight.copy_((norm.running_var + norm.eps).sqrt() / factor)
        norm.bias.add_(mean)


def _statistics(network: nn.Module, pixels: NDArray[np.uint8], seed: int) -> list[tuple[Tensor, Tensor]]:
    """Return mean and variance ``(channels,)`` of each convolution's output on ``pixels`` in random views."""
    sums: dict[nn.Module, list[Tensor]] = {convolution: [] for convolution, _ in normalised(network)}

    def note(module: nn.Module, _inputs: Any, output: Tensor) -> None:
        values = output.double().transpose(0, 1).flatten(1)
        count = torch.full((len(values),), values.shape[1])
        sums[module].append(torch.stack([values.sum(1), values.square().sum(1), count]))

    handles = [module.register_forward_hook(note) for module in sums]
    rows = torch.randperm(len(pixels), generator=torch.Generator().manual_seed(seed))[:_STATISTICS]
    views = Views(seed).draw(len(pixels), 0)
    try:
        for part in rows.split(_BATCH):
            pictures = torch.from_numpy(pixels[part.numpy()]).unsqueeze(1).float() / 255
            network(apply(pictures, views.take(part)))
    finally:
        for handle in handles:
            handle.remove()
    found = []
    for parts in sums.values():
        total, squares, count = torch.stack(parts).sum(0)
        mean = total / count
        found.append((mean.float(), (squares / count - mean**2).clamp_min(0).float()))
    return found
