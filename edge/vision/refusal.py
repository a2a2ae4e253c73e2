"""Refuse what the detector takes for a face and the network does not (pure)."""

from __future__ import annotations

_MOST = 4.0
"""One reading counts at most so much in log-odds: a single blurred one must not outweigh the others."""
_SETTLED = 5
"""Readings after which a face stays one, whatever it looks like later: turned away, covered, in the dark."""


class FaceEvidence:
    """Sum what each reading of one find says for or against a face.

    A find is refused while its evidence is negative, and may be accepted later.
    """

    def __init__(self) -> None:
        self.is_face = True
        self._sum = 0.0
        self._readings = 0

    def update(self, evidence: float) -> None:
        """Take in the evidence of a reading in log-odds, above zero where it speaks for a face."""
        if self.is_face and self._readings >= _SETTLED:
            return
        self._readings += 1
        self._sum += max(-_MOST, min(_MOST, evidence))
        self.is_face = self._sum >= 0
