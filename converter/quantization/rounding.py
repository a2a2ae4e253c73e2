"""Int8 rounding in a float network: its places and steps, as in the quantised file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import fx

_COMPUTING = (
    nn.Conv2d,
    nn.Linear,
    nn.BatchNorm1d,
    nn.BatchNorm2d,
    nn.ReLU,
    nn.ReLU6,
    nn.ELU,
    nn.SELU,
    nn.Sigmoid,
    nn.Tanh,
    nn.AvgPool2d,
    nn.AdaptiveAvgPool2d,
)
"""Layers whose output has its own scale; max pooling, dropout and reshaping keep their input's."""
_COMPUTING_NAMES = {"add", "sub", "mul", "mean", "sum", "relu", "relu6", "elu", "sigmoid", "tanh", "avg_pool2d"}
_FUSED = (nn.ReLU, nn.ReLU6)
_FUSED_NAMES = {"relu", "relu6"}
_LEAST_SCALE = 1e-9


class RoundedActivation(nn.Module):
    """Rounds to 256 levels between the least and the greatest value seen before :meth:`settle`; 0 is one of them.

    With ``fixed`` the range is 0 to 1, that of pixels.
    """

    least: Tensor
    greatest: Tensor
    scale: Tensor
    zero_point: Tensor

    def __init__(self, *, fixed: bool = False) -> None:
        super().__init__()
        self.settled = False
        self.register_buffer("least", torch.zeros(()))
        self.register_buffer("greatest", torch.ones(()) if fixed else torch.zeros(()))
        self.register_buffer("scale", torch.ones(()))
        self.register_buffer("zero_point", torch.zeros((), dtype=torch.int32))
        self._fixed = fixed

    def forward(self, values: Tensor) -> Tensor:
        """Return ``values`` unchanged before :meth:`settle`, else rounded; the gradient passes unchanged."""
        if self.settled:
            return torch.fake_quantize_per_tensor_affine(values, self.scale, self.zero_point, -128, 127)
        if not self._fixed:
            self.least = torch.minimum(self.least, values.detach().min())
            self.greatest = torch.maximum(self.greatest, values.detach().max())
        return values

    def settle(self) -> None:
        """Round from now on, using the observed range."""
        self.scale = ((self.greatest - self.least) / 255).clamp_min(_LEAST_SCALE)
        self.zero_point = (-128 - torch.round(self.least / self.scale)).clamp(-128, 127).to(torch.int32)
        self.settled = True


class RoundedWeight(nn.Module):
    """Rounds weights to -127..127 with a separate scale for every output channel."""

    def forward(self, weight: Tensor) -> Tensor:
        """Return ``weight`` ``(out, ...)`` rounded; the gradient passes unchanged."""
        channels = weight.shape[0]
        scale = (weight.detach().abs().reshape(channels, -1).amax(dim=1) / 127).clamp_min(_LEAST_SCALE)
        zero = torch.zeros(channels, dtype=torch.int32, device=weight.device)
        return torch.fake_quantize_per_channel_affine(weight, scale, zero, 0, -127, 127)


def rounding_places(graph: fx.Graph, modules: Mapping[str, nn.Module]) -> list[fx.Node]:
    """Return the steps of ``graph`` after which the int8 file rounds: its input, and all that compute except logits.

    A step whose only reader is a ReLU is fused with it and rounds behind it.
    """
    return [node for node in graph.nodes if node.op == "placeholder" or _rounds(node, modules)]


def _rounds(node: fx.Node, modules: Mapping[str, nn.Module]) -> bool:
    if not _is(node, modules, _COMPUTING, _COMPUTING_NAMES):
        return False
    users = list(node.users)
    if any(user.op == "output" for user in users):
        return False
    return not (len(users) == 1 and _is(users[0], modules, _FUSED, _FUSED_NAMES))


def _is(node: fx.Node, modules: Mapping[str, nn.Module], kinds: tuple[Any, ...], names: set[str]) -> bool:
    if node.op == "call_module":
        return isinstance(modules[str(node.target)], kinds)
    if node.op == "call_method":
        return str(node.target).rstrip("_") in names
    return node.op == "call_function" and getattr(node.target, "__name__", "").rstrip("_") in names
