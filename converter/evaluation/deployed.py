"""Answers of a device with default settings: with the model's prior, temperature by face and refusal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from converter.datasets.faces import truth
from converter.evaluation.judged import Judged
from converter.runner import corrected
from edge.inference.calibration import MIN_CONFIDENCE
from edge.inference.postprocess import evidence, probabilities, signs

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from converter.datasets.faces import FaceSet
    from converter.evaluation.bootstrap import Bootstrap
    from converter.evaluation.subject import Subject
    from edge.inference.manifest import Manifest


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """Answers of a device with the model of ``manifest`` for the ``n`` faces of a split.

    ``probabilities`` holds ``(n, k)`` by head. ``refused`` ``(n,)`` marks the faces that are rejected as non-faces; it
    is ``None`` for a model without refusal.
    """

    manifest: Manifest
    probabilities: Mapping[str, NDArray[np.float32]]
    refused: NDArray[np.bool_] | None

    def judged(self, faces: FaceSet) -> dict[str, Judged]:
        """Return the answers of each head beside its labels; a head without labels is left out."""
        return {
            head: Judged.of(values, truth(faces, head), self.refused)
            for head, values in self.probabilities.items()
            if (truth(faces, head) >= 0).any()
        }


def answers(subject: Subject, faces: FaceSet) -> Answers | None:
    """Return the device's answers for ``faces``, or ``None`` for a model without a manifest, which no device runs."""
    manifest = subject.manifest
    if manifest is None:
        return None
    crops = corrected(faces.pixels, subject.contrast)
    logits = subject.logits_of_crops(crops, "as the device")
    refusal = manifest.refusal
    found = signs(manifest, logits) if subject.signs is None else subject.signs(crops)
    return Answers(
        manifest,
        {head: probabilities(manifest, head, logits, list(crops), strength(manifest, head)) for head in logits},
        None if refusal is None else evidence(refusal, found) < 0,
    )


def strength(manifest: Manifest, head: str) -> float:
    """Return the strength of the prior's adjustment with default settings; 0 for a head without a prior."""
    prior = manifest.output(head).prior
    return 0.0 if prior is None else prior.audience


def deployed(found: Answers, faces: FaceSet, bootstrap: Bootstrap) -> dict[str, Any]:
    """Measure the answers over all faces, as plain values: settings, and the figures of each head."""
    manifest, judged = found.manifest, found.judged(faces)
    return {
        "min_confidence": MIN_CONFIDENCE,
        "strengths": {head: strength(manifest, head) for head in judged},
        "by_face": [str(o.head) for o in manifest.outputs if o.certainty is not None],
        "refuses": manifest.refusal is not None,
        "heads": {head: one.figures(bootstrap, faces.classes) for head, one in judged.items()},
    }
