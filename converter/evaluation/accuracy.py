"""Evaluation of a model on a named split: an int8 ``.tflite`` as on the device, or a checkpoint in float32."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from converter.datasets.faces import truth
from converter.datasets.fer2013 import FORM as CSV_FORM
from converter.datasets.published import FER2013
from converter.evaluation.subject import open_subject
from converter.measure import Measurement, measure
from edge.core.errors import InputError
from edge.core.types import EMOTIONS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from converter.datasets.faces import FaceSet
    from converter.evaluation.subject import Precision, Subject

_MAJORITY = "FER+ majority"


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """One model on one split in one view, with a measurement for each head that the split has labels for."""

    model: str
    split: str
    precision: Precision
    logits: Mapping[str, NDArray[np.float32]]
    measurements: tuple[Measurement, ...]
    classes: tuple[str, ...] = EMOTIONS

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON, with shares rounded to four digits.

        Recall of an absent emotion is null, and so is the precision of one that is never predicted.
        """
        heads = [_plain(measurement, self.classes) for measurement in self.measurements]
        return {"model": self.model, "split": self.split, "precision": self.precision, "view": "one", "heads": heads}


def label_set(faces: FaceSet, head: str) -> str:
    """Return the name of the labels that measure ``head``: FER2013's, the data's own, or the votes' majority."""
    if head == "consensus":
        return _MAJORITY
    origin = faces.origin
    return "FER2013" if origin is None or origin.published == FER2013 or origin.form == CSV_FORM else "the data's own"


def evaluate(model: Path, faces: FaceSet, split: str) -> Evaluation:
    """Run ``model`` over ``faces`` and measure every head against its own label set.

    Raises:
        InputError: the file is neither a ``.tflite`` nor a checkpoint.
        ModelError: the ``.tflite`` and its manifest do not belong together.
    """
    return of_subject(open_subject(model), faces, split)


def of_subject(subject: Subject, faces: FaceSet, split: str) -> Evaluation:
    """Run an opened model over ``faces`` and measure every head against its own label set.

    Raises:
        InputError: no head has labels.
    """
    return of_logits(
        subject.logits(faces.pixels),
        faces,
        split=split,
        precision=subject.precision,
        temperatures=subject.temperatures,
        model=subject.name,
    )


def of_logits(
    logits: Mapping[str, NDArray[np.float32]],
    faces: FaceSet,
    *,
    split: str,
    precision: Precision,
    temperatures: Mapping[str, float],
    model: str,
) -> Evaluation:
    """Measure ``logits`` per head; a head without labels in this split is left out.

    Raises:
        InputError: no head has labels.
    """
    measurements = tuple(
        measure(
            values,
            truth(faces, head),
            head=head,
            labels=label_set(faces, head),
            temperature=temperatures.get(head, 1.0),
        )
        for head, values in logits.items()
        if (truth(faces, head) >= 0).any()
    )
    if not measurements:
        msg = f"split {split} has no labels for {', '.join(logits)}: put fer2013new.csv beside the pictures"
        raise InputError(msg)
    return Evaluation(model, split, precision, logits, measurements, faces.classes)


def _plain(measurement: Measurement, classes: Sequence[str]) -> dict[str, Any]:
    values = asdict(measurement)
    values["confusion"] = measurement.confusion.tolist()
    values["recall"] = recall_by_name(measurement, classes)
    values["precision"] = by_name(measurement.precision, classes)
    return {name: round(value, 4) if isinstance(value, float) else value for name, value in values.items()}


def recall_by_name(measurement: Measurement, classes: Sequence[str] = EMOTIONS) -> dict[str, float | None]:
    """Return the recall per class; ``None`` if the split has no pictures of it."""
    return by_name(measurement.recall, classes)


def by_name(values: Sequence[float], classes: Sequence[str] = EMOTIONS) -> dict[str, float | None]:
    """Return one rounded value per class, ``None`` for NaN."""
    return {
        str(name): None if math.isnan(value) else round(float(value), 4)
        for name, value in zip(classes, values, strict=True)
    }
