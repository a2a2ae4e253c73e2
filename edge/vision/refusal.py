"""Rejection of detections that the network does not recognise as a face (pure)."""

from __future__ import annotations

_MOST = 4.0
"""Largest contribution of one reading in log-odds: a single blurred one must not outweigh the others."""
_SETTLED = 5
"""Readings after which a face stays accepted, even if it is turned away, covered or in the dark later."""


class FaceEvidence:
    """Sums the evidence of all readings of one track.

    A track is rejected while its evidence is negative, and may be accepted later.
    """

    def __init__(self) -> None:
        self.is_face = True
        self._sum = 0.0
        self._readings = 0

    def update(self, evidence: float) -> None:
        """Add the evidence of a reading in log-odds, which is positive in favour of a face."""
        if self.is_face and self._readings >= _SETTLED:
            return
        self._readings += 1
        self._sum += max(-_MOST, min(_MOST, evidence))
        self.is_face = self._sum >= 0
