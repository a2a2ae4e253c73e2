"""A plain stack of dense 3x3 convolutions, what int8 XNNPACK on small Arm cores runs fastest per MAC."""

from __future__ import annotations

from torch import Tensor, nn

from converter.architectures.heads import HEADS
from edge.types import EMOTIONS

Stages = tuple[tuple[int, ...], ...]
"""Widths of the convolutions of each stage; a 2x2 pool stands between two stages."""

PAIRS: Stages = ((32, 32), (64, 64), (128, 128), (256, 256))


class PlainNet(nn.Module):
    """Stages of conv-BN-ReLU with 2x2 max pooling between, global mean, dropout, two linear heads.

    :data:`PAIRS` cost 117 million multiply-accumulates and 1.2 million parameters for a 48x48 grey picture.
    """

    head_names = HEADS

    def __init__(self, stages: Stages = PAIRS, dropout: float = 0.3) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = 1
        for index, stage in enumerate(stages):
            if index:
                layers.append(nn.MaxPool2d(2))
            for width in stage:
                layers += [
                    nn.Conv2d(channels, width, 3, padding=1, bias=False),
                    nn.BatchNorm2d(width),
                    nn.ReLU(inplace=True),
                ]
                channels = width
        self.trunk = nn.Sequential(*layers)
        self.dropout = nn.Dropout(dropout)
        self.heads = nn.ModuleList(nn.Linear(channels, len(EMOTIONS)) for _ in HEADS)

    def forward(self, pictures: Tensor) -> tuple[Tensor, ...]:
        """Logits ``(n, 7)`` of each head in the order of :data:`HEADS`, for ``(n, 1, 48, 48)`` in 0..1."""
        # channels last, so that the mean stands in the exported graph without a transposition before it
        channels_last = self.trunk(pictures).permute(0, 2, 3, 1)
        features = self.dropout(channels_last.mean(dim=(1, 2)))
        return tuple(head(features) for head in self.heads)
