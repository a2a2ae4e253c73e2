"""CUDA graph of a training step. Nothing else in the package depends on CUDA."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from converter.shortened import shortened
from edge.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor

_WARM_UP = 5
"""Steps before the capture, during which libraries choose their kernels and allocate their workspaces."""


def capture(step: Callable[[], None], changed: Sequence[Tensor]) -> Callable[[], None]:
    """Capture ``step`` on the current CUDA device and return a function that replays it.

    ``step`` must not wait for the device, read its values, or depend on tensors that are replaced between calls.
    ``changed`` are the tensors that it writes: they are restored after the warm-up, so that capturing trains nothing.

    Raises:
        InputError: a graph cannot represent the step.
    """
    before = [tensor.detach().clone() for tensor in changed]
    graph = torch.cuda.CUDAGraph()
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    try:
        with torch.cuda.stream(stream):
            for _ in range(_WARM_UP):
                step()
        with torch.cuda.graph(graph, stream=stream):
            step()
    except torch.cuda.OutOfMemoryError:
        raise
    except RuntimeError as error:
        msg = f"a step of this network cannot be captured as a CUDA graph: {shortened(error)}; give --data-path loader"
        raise InputError(msg) from error
    torch.cuda.current_stream().wait_stream(stream)
    with torch.no_grad():
        for tensor, value in zip(changed, before, strict=True):
            tensor.copy_(value)
    replay: Callable[[], None] = graph.replay
    return replay
