"""Learning rate over a run: linear warm-up, then half a cosine down to zero.

It is a function of the step and the run's length alone, so a run that is made longer has, from there on, the rate that
a run of the new length has at that step.
"""

from __future__ import annotations

from math import cos, pi

_FIRST = 0.01
"""Share of the rate at the first warm-up step."""


def warmup_steps(total: int, warmup_epochs: int, epochs: int) -> int:
    """Return the number of warm-up steps out of ``total`` for ``epochs``; at least one."""
    return max(1, total * warmup_epochs // max(epochs, 1))


def rate_factor(step: int, total: int, warmup: int) -> float:
    """Return the factor of the learning rate at ``step`` (from 0) of ``total``, with ``warmup`` warm-up steps first."""
    if step < warmup:
        return _FIRST + (1 - _FIRST) * step / warmup
    return (1 + cos(pi * min(1.0, (step - warmup) / max(1, total - warmup)))) / 2
