"""The learning rate over a run: linear warm-up, then half a cosine down to zero.

It is a function of the step and the run's length alone, so that a run that is made longer has, from there on, the rate
that a run of the new length has at that step.
"""

from __future__ import annotations

from math import cos, pi

_FIRST = 0.01
"""Share of the rate at the first step of the warm-up."""


def warmup_steps(total: int, warmup_epochs: int, epochs: int) -> int:
    """Steps of warm-up out of ``total`` for ``epochs``; at least one."""
    return max(1, total * warmup_epochs // max(epochs, 1))


def rate_factor(step: int, total: int, warmup: int) -> float:
    """What the learning rate is multiplied by at ``step`` (from 0) of ``total``, ``warmup`` of them warming up."""
    if step < warmup:
        return _FIRST + (1 - _FIRST) * step / warmup
    return (1 + cos(pi * min(1.0, (step - warmup) / max(1, total - warmup)))) / 2
