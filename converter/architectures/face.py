"""One more output for a trained network, which itself stays as it is: whether what it is shown is a face."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from converter.progress import bar
from edge.core.errors import InputError
from edge.inference.calibration import FACE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

_BATCH = 256


@dataclass(frozen=True, slots=True, eq=False)
class FaceLayer:
    """A linear layer on what the heads read: ``weight`` ``(features,)`` float32 and ``bias``; above 0 is a face.

    ``record`` says what it was trained on.
    """

    weight: NDArray[np.float32]
    bias: float
    record: Mapping[str, Any] = field(default_factory=dict)


def require_heads(network: nn.Module) -> nn.ModuleList:
    """Return the layers of the network's heads, which all read the same features.

    Raises:
        InputError: it has none in a list.
    """
    if not getattr(network, "has_separate_heads", False):
        msg = f"{type(network).__name__} has no list of heads that a face output could join: use a gdconv:... one"
        raise InputError(msg)
    heads: nn.ModuleList = network.heads
    return heads


def with_face(network: nn.Module, layer: FaceLayer) -> nn.Module:
    """Return a copy of ``network`` whose last output, :data:`FACE`, is ``(n, 1)``; the others are as they were.

    Raises:
        InputError: the layer is not for this network.
    """
    widened = copy.deepcopy(network)
    heads = require_heads(widened)
    features = int(heads[0].in_features)
    if len(layer.weight) != features:
        msg = f"face output: expected {features} weights, found {len(layer.weight)}: train it on this network"
        raise InputError(msg)
    linear = nn.Linear(features, 1)
    with torch.no_grad():
        linear.weight.copy_(torch.from_numpy(layer.weight[None]))
        linear.bias.fill_(layer.bias)
    heads.append(linear.requires_grad_(requires_grad=False))
    widened.head_names = (*network.head_names, FACE)
    return widened.eval()


def features(network: nn.Module, pixels: NDArray[np.uint8], what: str) -> NDArray[np.float32]:
    """Return what the heads of ``network`` read, ``(n, features)``, for ``pixels`` ``(n, 48, 48)`` uint8 grey.

    ``what`` names the pictures in the progress bar.
    """
    found: list[Tensor] = []
    first = require_heads(network.eval())[0]
    handle = first.register_forward_pre_hook(lambda _module, given: found.append(given[0].cpu()))
    place = next(network.parameters()).device
    try:
        with torch.inference_mode():
            for start in bar(range(0, len(pixels), _BATCH), what):
                network(torch.from_numpy(pixels[start : start + _BATCH]).to(place).unsqueeze(1).float() / 255)
    finally:
        handle.remove()
    return np.asarray(torch.cat(found).numpy(), np.float32)
