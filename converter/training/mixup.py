"""Which faces of a batch are blended in pairs, and by how much (mixup; Zhang et al., 2018)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor


class Blend(NamedTuple):
    """Each face is shown with weight ``share``, its partner with the rest; ``partners`` ``(n,)`` are rows of the batch.

    ``share`` is a tensor ``()`` where it lies on the device.
    """

    share: float | Tensor
    partners: Tensor


def draw(concentration: float, seed: int, step: int, n: int) -> Blend:
    """Draw the blend of ``n`` faces from a symmetric beta distribution; the same for the same ``seed`` and ``step``."""
    generator = np.random.default_rng([seed % 2**64, step])
    share = float(generator.beta(concentration, concentration))
    return Blend(share, torch.from_numpy(generator.permutation(n)))
