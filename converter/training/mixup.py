"""Pairs of faces of a batch to blend, and their shares (mixup; Zhang et al., 2018)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor


class Blend(NamedTuple):
    """Weights of a blend: each face has weight ``share``, its partner the rest; ``partners`` ``(n,)`` are batch rows.

    ``share`` is a tensor ``()`` where it lies on the device.
    """

    share: float | Tensor
    partners: Tensor


def draw(concentration: float, seed: int, step: int, n: int) -> Blend:
    """Draw the blend of ``n`` faces from a symmetric beta distribution, determined by ``seed`` and ``step``."""
    generator = np.random.default_rng([seed % 2**64, step])
    share = float(generator.beta(concentration, concentration))
    return Blend(share, torch.from_numpy(generator.permutation(n)))
