"""Optimiser steps with the learning rate on the device, using the state of Lightning's own optimiser.

The optimiser object, its state and its checkpoint stay those of the loader's path; only the arithmetic is called
directly, as fused kernels, because an optimiser's own ``step`` reads the learning rate on the host.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch.optim.adam import adam
from torch.optim.sgd import sgd

from edge.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor


class OptimizerUpdate:
    """Updates the parameters of ``optimizer`` from their gradients; :attr:`state` are the tensors that it changes.

    Raises:
        InputError: the optimiser is neither ``torch.optim.SGD`` nor ``torch.optim.AdamW``.
    """

    def __init__(self, optimizer: torch.optim.Optimizer) -> None:
        kinds: dict[type, type[_Sgd | _AdamW]] = {torch.optim.SGD: _Sgd, torch.optim.AdamW: _AdamW}
        if type(optimizer) not in kinds:
            known = " and ".join(kind.__name__ for kind in kinds)
            msg = f"{type(optimizer).__name__}: the resident path has {known} only; give --data-path loader"
            raise InputError(msg)
        self._groups = [kinds[type(optimizer)](optimizer, group) for group in optimizer.param_groups]
        self.parameters: list[Tensor] = [p for group in optimizer.param_groups for p in group["params"]]
        self.state: list[Tensor] = [tensor for group in self._groups for tensor in group.state]

    def __call__(self, rates: Tensor) -> None:
        """Take one step with the learning rates ``rates`` ``(groups,)`` on the device."""
        for group, rate in zip(self._groups, rates.unbind(), strict=True):
            group(rate)

    def finish(self, steps: int) -> None:
        """Add ``steps`` completed steps to the part of the optimiser's state on the host."""
        for group in self._groups:
            group.finish(steps)


class _Sgd:
    def __init__(self, optimizer: torch.optim.Optimizer, group: dict[str, Any]) -> None:
        self._parameters = group["params"]
        # a buffer of zeros has the same effect as a first step without a buffer
        self.state = _state(optimizer, self._parameters, "momentum_buffer", torch.zeros_like)
        self._options = {
            name: group[name] for name in ("weight_decay", "momentum", "dampening", "nesterov", "maximize")
        }

    def __call__(self, rate: Tensor) -> None:
        gradients = [parameter.grad for parameter in self._parameters]
        sgd(self._parameters, gradients, self.state, fused=True, lr=rate, **self._options)

    def finish(self, steps: int) -> None:
        pass


class _AdamW:
    def __init__(self, optimizer: torch.optim.Optimizer, group: dict[str, Any]) -> None:
        self._parameters = group["params"]
        self._means = _state(optimizer, self._parameters, "exp_avg", torch.zeros_like)
        self._squares = _state(optimizer, self._parameters, "exp_avg_sq", torch.zeros_like)
        self._host_steps = _state(optimizer, self._parameters, "step", lambda _: torch.zeros(()))
        self._steps = [
            step.to(parameter.device, copy=True)
            for step, parameter in zip(self._host_steps, self._parameters, strict=True)
        ]
        self.state = [*self._means, *self._squares, *self._steps]
        beta1, beta2 = group["betas"]
        self._options = {
            **{name: group[name] for name in ("weight_decay", "eps", "amsgrad", "maximize", "decoupled_weight_decay")},
            "beta1": beta1,
            "beta2": beta2,
        }

    def __call__(self, rate: Tensor) -> None:
        gradients = [parameter.grad for parameter in self._parameters]
        adam(
            self._parameters,
            gradients,
            self._means,
            self._squares,
            [],
            self._steps,
            fused=True,
            lr=rate,
            **self._options,
        )

    def finish(self, steps: int) -> None:
        for taken in self._host_steps:
            taken.add_(steps)


def _state(
    optimizer: torch.optim.Optimizer, parameters: list[Tensor], name: str, new: Callable[[Tensor], Tensor]
) -> list[Tensor]:
    """Return the optimiser's tensors called ``name``, creating those that are missing."""
    tensors: list[Tensor] = []
    for parameter in parameters:
        state = optimizer.state[parameter]
        if state.get(name) is None:
            state[name] = new(parameter.detach())
        tensors.append(state[name])
    return tensors
