"""Fine logits from int8: each head's last layer is repeated, one copy for every window of the logits' range.

One int8 value has 256 levels; over the range of a confident network's logits a level is worth up to 0.1, which moves a
probability by up to two points. Therefore the last fully connected layer returns ``7 * count`` values. Its copies have
the same weights and biases shifted so that copy ``k`` is at its minimum below the ``k``-th window of the range, at its
maximum above it, and counts the levels inside, like a thermometer. The logit is the sum over the copies, ``count``
times finer: ``scale * sum(q - zero_point)``. With one copy that is plain dequantisation.
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
"""Maximum change of a probability by one output step."""

_SPARE = 0.9
"""Share of :data:`MAX_STEP` that is used: the device's temperature is fitted again on the finished file."""
_HEADROOM = 0.1
"""Share of the range of the calibration pictures' logits that is added to it, for more extreme faces."""
_LEVELS = 255


@dataclass(frozen=True, slots=True)
class LogitWindows:
    """Conversion of ``count`` int8 values to one logit: ``scale * sum(q - zero_point)``."""

    count: int
    scale: float
    zero_point: int

    @property
    def lowest(self) -> float:
        """Return the logit of one window at its minimum."""
        return self.scale * (-128 - self.zero_point)

    @property
    def highest(self) -> float:
        """Return the logit of one window at its maximum."""
        return self.scale * (127 - self.zero_point)

    @property
    def shifts(self) -> tuple[float, ...]:
        """Return the reduction of each copy's bias, so that a window begins where the previous one ends."""
        first = (self.count - 1) * self.lowest
        return tuple(first + window * _LEVELS * self.scale for window in range(self.count))


FACE_WINDOW = LogitWindows(1, 1 / 16, 0)
"""Window of the face output: log-odds of -8 to 8 in steps that are finer than any threshold."""


def choose(least: float, greatest: float, temperature: float) -> LogitWindows:
    """Return the fewest windows over logits ``least`` to ``greatest`` whose step moves no probability beyond the limit.

    ``temperature`` divides the logits before the softmax. The range is extended to include 0, as int8 scales require.
    """
    least, greatest = min(least, 0.0), max(greatest, 0.0)
    span = max((greatest - least) * (1 + _HEADROOM), 1e-3)
    finest = (
        4 * temperature * math.atanh(_SPARE * MAX_STEP)
    )  # edge.inference.preprocess.probability_step, solved for the scale
    count = max(1, math.ceil(span / _LEVELS / finest))
    scale = span / (_LEVELS * count)
    bottom = (least - (span - (greatest - least)) / 2) / (count * scale)
    return LogitWindows(count, scale, zero_point=-128 - round(max(-_LEVELS, min(0.0, bottom))))


def widen(network: nn.Module, windows: Mapping[int, LogitWindows]) -> nn.Module:
    """Return a copy of ``network`` with the last layer of each output in ``windows`` repeated for each window.

    Raises:
        ValueError: an output does not come directly from a linear layer (see :func:`last_layers`).
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
    """Return the index of each output that comes directly from a linear layer, with the name of that layer."""
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


def _repeated(layer: nn.Linear, windows: LogitWindows) -> nn.Linear:
    wide = nn.Linear(layer.in_features, layer.out_features * windows.count)
    bias = torch.zeros(layer.out_features) if layer.bias is None else layer.bias.detach()
    with torch.no_grad():
        wide.weight.copy_(layer.weight.repeat(windows.count, 1))
        wide.bias.copy_(torch.cat([bias - shift for shift in windows.shifts]))
    return wide
