"""Fine logits out of int8: each head's last layer is repeated, one copy for every window of the logits' range.

One int8 value has 256 levels; over the range of a confident network's logits a level is worth up to 0.1, which moves a
probability by up to two points. So the last fully connected layer gives ``7 * count`` values. Its copies have the same
weights and biases shifted so that copy ``k`` is at its bottom below the ``k``-th window of the range, at its top above
it, and counts the levels inside, as a thermometer does. The logit is the sum over the copies, ``count`` times finer:
``scale * sum(q - zero_point)``. With one copy that is plain dequantisation.
"""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from converter.datasets.faces import SIZE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MAX_STEP = 0.005
"""The most that one output step may move a probability."""

_SPARE = 0.9
"""Share of :data:`MAX_STEP` that is used: the device's temperature is fitted again on the finished file."""
_HEADROOM = 0.1
"""Share of the range of the calibration pictures' logits that is added to it for faces more telling than those."""
_LEVELS = 255


@dataclass(frozen=True, slots=True)
class Windows:
    """How ``count`` int8 values make one logit: ``scale * sum(q - zero_point)``."""

    count: int
    scale: float
    zero_point: int

    @property
    def lowest(self) -> float:
        """What one window gives at its bottom, as a logit."""
        return self.scale * (-128 - self.zero_point)

    @property
    def highest(self) -> float:
        """What one window gives at its top, as a logit."""
        return self.scale * (127 - self.zero_point)

    @property
    def shifts(self) -> tuple[float, ...]:
        """What each copy's bias is lowered by, so that a window begins where the one before it ends."""
        first = (self.count - 1) * self.lowest
        return tuple(first + window * _LEVELS * self.scale for window in range(self.count))


FACE_WINDOW = Windows(1, 1 / 16, 0)
"""Of the output that says whether it is a face: log-odds of -8 to 8 in steps that are finer than any threshold."""


def choose(least: float, greatest: float, temperature: float) -> Windows:
    """The fewest windows over logits ``least`` to ``greatest`` whose step moves no probability beyond the limit.

    ``temperature`` divides the logits before the softmax. The range is made to include 0, as int8 scales must.
    """
    least, greatest = min(least, 0.0), max(greatest, 0.0)
    span = max((greatest - least) * (1 + _HEADROOM), 1e-3)
    finest = (
        4 * temperature * math.atanh(_SPARE * MAX_STEP)
    )  # edge.inference.preprocess.probability_step, solved for the scale
    count = max(1, math.ceil(span / _LEVELS / finest))
    scale = span / (_LEVELS * count)
    bottom = (least - (span - (greatest - least)) / 2) / (count * scale)
    return Windows(count, scale, zero_point=-128 - round(max(-_LEVELS, min(0.0, bottom))))


def widen(network: nn.Module, windows: Mapping[int, Windows]) -> nn.Module:
    """A copy of ``network`` with the last layer of each output in ``windows`` written out once a window.

    Raises:
        ValueError: an output does not come straight from a linear layer (see :func:`last_layers`).
    """
    widened = copy.deepcopy(network)
    layers = last_layers(widened)
    for output, wanted in windows.items():
        if output not in layers:
            msg = f"output {output} does not come straight from a linear layer"
            raise ValueError(msg)
        parent, _, name = layers[output].rpartition(".")
        setattr(widened.get_submodule(parent), name, _repeated(widened.get_submodule(layers[output]), wanted))
    return widened


def last_layers(network: nn.Module) -> dict[int, str]:
    """Index of each output that comes straight from a linear layer, and the name of that layer."""
    made: list[tuple[str, Tensor]] = []
    linear = [(name, module) for name, module in network.named_modules() if isinstance(module, nn.Linear)]
    handles = [module.register_forward_hook(_remember(name, made)) for name, module in linear]
    try:
        with torch.inference_mode():
            outputs = network.eval()(torch.zeros(1, 1, SIZE, SIZE))
    finally:
        for handle in handles:
            handle.remove()
    return {index: name for index, output in enumerate(outputs) for name, tensor in made if tensor is output}


def _remember(name: str, made: list[tuple[str, Tensor]]) -> Callable[[nn.Module, Any, Tensor], None]:
    def note(_module: nn.Module, _inputs: Any, output: Tensor) -> None:
        made.append((name, output))

    return note


def _repeated(layer: nn.Linear, windows: Windows) -> nn.Linear:
    wide = nn.Linear(layer.in_features, layer.out_features * windows.count)
    bias = torch.zeros(layer.out_features) if layer.bias is None else layer.bias.detach()
    with torch.no_grad():
        wide.weight.copy_(layer.weight.repeat(windows.count, 1))
        wide.bias.copy_(torch.cat([bias - shift for shift in windows.shifts]))
    return wide
