"""Interpretation of the network's output for a face by the manifest's prior, temperature and refusal rule."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge.core.errors import ModelError
from edge.core.types import Reading, Scores
from edge.inference.calibration import AUDIENCE, FACE, WEB
from edge.inference.postprocess import evidence, probabilities, signs
from edge.util.text import in_one_line

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from edge.inference.manifest import Manifest


class Interpretation:
    """Converts logits to readings.

    Args:
        manifest: of the network.
        head: whose scores are used.
        prior: one of the names in :mod:`edge.inference.calibration`, or a strength of 0 to 1.

    Raises:
        ModelError: the model has no such head, or no prior although ``prior`` is a number or `even`.
    """

    def __init__(self, manifest: Manifest, head: str, prior: str | float) -> None:
        self._manifest, self._head = manifest, head
        self._labels = manifest.label_set
        output = manifest.output(head)
        if output.prior is None and prior not in {WEB, AUDIENCE, 0.0}:
            msg = (
                f"model.prior: the manifest of model {in_one_line(manifest.name)} has no label frequencies, so "
                f"{prior!r} is not possible: set it to {WEB!r}, or add a model whose manifest has a prior"
            )
            raise ModelError(msg)
        self.strength = 0.0 if output.prior is None else output.prior.strength(prior)
        needed = {head}
        weights = {} if manifest.refusal is None else manifest.refusal.weights
        needed |= {name.rpartition(".")[0] for name in weights}
        if output.certainty is not None and output.certainty.head is not None:
            needed.add(output.certainty.head)
        self.heads = tuple(each.head for each in manifest.outputs if each.head in needed)
        """Heads whose logits are needed."""
        self.needs_face = FACE in weights
        """Whether the value of the output :data:`FACE` is needed too."""

    def read(self, logits: Mapping[str, NDArray[np.float32]], crops: Sequence[NDArray[np.uint8]]) -> list[Reading]:
        """Return a reading for each of ``n`` crops ``(s, s)`` uint8 grey from the logits ``(n, k)`` of :attr:`heads`.

        With :attr:`needs_face`, ``logits`` also contain the value ``(n, 1)`` of that output.
        """
        rows = probabilities(self._manifest, self._head, logits, crops, self.strength).tolist()
        scores = [Scores.of(row, self._labels) for row in rows]
        rule = self._manifest.refusal
        if rule is None:
            return [Reading(each) for each in scores]
        log_odds = evidence(rule, signs(self._manifest, logits)).tolist()
        return [Reading(each, value) for each, value in zip(scores, log_odds, strict=True)]
