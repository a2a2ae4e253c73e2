"""Random views of a batch of faces, drawn on whole tensors: mirror, rotate, scale, shift, light, blur, occlusion."""

from __future__ import annotations

from dataclasses import dataclass
from math import pi

import torch
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True, slots=True)
class Augmentation:
    """How far a view may stray; ``*_p`` are probabilities, shift is a share of the picture's side."""

    mirror_p: float = 0.5
    rotate_degrees: float = 12.0
    scale: float = 0.15
    shift: float = 0.10
    contrast: float = 0.25
    brightness: float = 0.15
    gamma: float = 0.35
    blur_p: float = 0.10
    erase_p: float = 0.35
    erase_share: tuple[float, float] = (0.15, 0.4)

    def __call__(self, pictures: Tensor) -> Tensor:
        """Augment ``(n, 1, h, w)`` float32 in 0..1; the result keeps shape and range."""
        return self._erase(self._light(self._blur(self._warp(pictures))))

    def _warp(self, x: Tensor) -> Tensor:
        n = len(x)
        angle = _uniform(n, self.rotate_degrees) * pi / 180
        scale = torch.exp(_uniform(n, self.scale))
        mirror = torch.where(torch.rand(n) < self.mirror_p, -1.0, 1.0)
        cos, sin = torch.cos(angle) * scale, torch.sin(angle) * scale
        theta = torch.stack(
            [
                torch.stack([cos * mirror, -sin, _uniform(n, 2 * self.shift)], dim=1),
                torch.stack([sin * mirror, cos, _uniform(n, 2 * self.shift)], dim=1),
            ],
            dim=1,
        )
        grid = functional.affine_grid(theta, list(x.shape), align_corners=False)
        return functional.grid_sample(x, grid, padding_mode="border", align_corners=False)

    def _light(self, x: Tensor) -> Tensor:
        n = len(x)
        mean = x.mean(dim=(1, 2, 3), keepdim=True)
        contrast = torch.exp(_uniform(n, self.contrast)).view(n, 1, 1, 1)
        brightness = _uniform(n, self.brightness).view(n, 1, 1, 1)
        gamma = torch.exp(_uniform(n, self.gamma)).view(n, 1, 1, 1)
        return ((x - mean) * contrast + mean + brightness).clamp(0, 1).clamp_min(1e-4).pow(gamma)

    def _blur(self, x: Tensor) -> Tensor:
        """A random share of the batch at half resolution and back: a far face."""
        small = functional.interpolate(x, scale_factor=0.5, mode="area")
        coarse = functional.interpolate(small, size=x.shape[2:], mode="bilinear", align_corners=False)
        return torch.where(torch.rand(len(x), 1, 1, 1) < self.blur_p, coarse, x)

    def _erase(self, x: Tensor) -> Tensor:
        n, _, height, width = x.shape
        low, high = self.erase_share
        size = low + (high - low) * torch.rand(n, 2)
        corner = torch.rand(n, 2) * (1 - size)
        rows = torch.arange(height).view(1, height, 1) / height
        columns = torch.arange(width).view(1, 1, width) / width
        top, left = corner[:, 0].view(n, 1, 1), corner[:, 1].view(n, 1, 1)
        inside = (rows >= top) & (rows < top + size[:, 0].view(n, 1, 1))
        inside = inside & (columns >= left) & (columns < left + size[:, 1].view(n, 1, 1))
        inside &= torch.rand(n, 1, 1) < self.erase_p
        return torch.where(inside.unsqueeze(1), torch.rand(n, 1, 1, 1), x)


def _uniform(n: int, limit: float) -> Tensor:
    return (torch.rand(n) * 2 - 1) * limit
