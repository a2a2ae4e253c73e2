"""A plain stack of dense 3x3 convolutions, what int8 XNNPACK on small Arm cores runs fastest per MAC."""

from __future__ import annotations

from torch import Tensor, nn

from edge.types import EMOTIONS

HEADS = ("fer2013", "consensus")
"""Order of the outputs: FER2013's original labels, and the FER+ annotators' distribution."""


class PlainNet(nn.Module):
    """Pairs of conv-BN-ReLU with 2x2 max pooling between, global mean, dropout, two linear heads.

    With the default widths: 117 million multiply-accumulates and 1.2 million parameters for a 48x48 grey picture.
    """

    def __init__(self, widths: tuple[int, ...] = (32, 32, 64, 64, 128, 128, 256, 256), dropout: float = 0.3) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = 1
        for index, width in enumerate(widths):
            if index and index % 2 == 0:
                layers.append(nn.MaxPool2d(2))
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
