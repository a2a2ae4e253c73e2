"""All measurements of one model on one split, as plain values: the output of ``evaluate --json``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from converter.datasets.faces import count, truth
from converter.evaluation.accuracy import by_name, of_subject
from converter.evaluation.bootstrap import FIGURES, Bootstrap, tally
from converter.evaluation.certainty import certainty
from converter.evaluation.conditions import conditions
from converter.evaluation.deployed import answers, deployed
from converter.evaluation.groups import groups
from converter.evaluation.robustness import robustness
from converter.measure import BINS, measure, reliability
from edge.core.errors import InputError
from edge.inference.preprocess import softmax

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from converter.datasets.faces import FaceSet
    from converter.evaluation.accuracy import Evaluation
    from converter.evaluation.divisions import Division
    from converter.evaluation.recurrence import Recurrence
    from converter.evaluation.subject import Subject
    from converter.measure import Measurement

SCHEMA = 1


def results(
    subject: Subject,
    faces: FaceSet,
    split: str,
    *,
    recurrence: Recurrence | None = None,
    robust: bool = False,
    by_condition: bool = False,
    by_group: Sequence[Division] = (),
    bootstrap: Bootstrap | None = None,
) -> dict[str, Any]:
    """Measure ``subject`` on ``faces``; shares are rounded to four digits, undefined ones are ``None``.

    ``recurrence`` marks the faces that occur in training too; every head is then measured without them as well.
    ``robust`` measures under disturbances, which takes 25 times as long, ``by_condition`` by size and light of the
    face, which takes 80 times as long. ``by_group`` measures the answers of the device by groups of faces; it needs a
    model with a manifest.

    Raises:
        InputError: no head has labels, or there is no manifest for ``by_group``.
    """
    bootstrap = bootstrap or Bootstrap()
    found = of_subject(subject, faces, split)
    without = ~recurrence.recurs if recurrence is not None else None
    device_answers = answers(subject, faces)
    if by_group and device_answers is None:
        msg = f"{subject.name}: groups are measured on a device's answers: give the .tflite made from it"
        raise InputError(msg)
    return {
        "schema": SCHEMA,
        **{name: value for name, value in found.as_dict().items() if name != "heads"},
        "sha256": subject.sha256,
        "data": _data(faces),
        "interval": {
            "method": "percentile bootstrap over pictures",
            "level": bootstrap.level,
            "resamples": bootstrap.resamples,
            "seed": bootstrap.seed,
        },
        "calibration": {"bins": BINS, "binning": "equal width of confidence, 0 to 1"},
        "recurrence": recurrence.as_dict() if recurrence is not None else None,
        "heads": [
            _head(plain, measured, found, faces, without=without, bootstrap=bootstrap)
            for plain, measured in zip(found.as_dict()["heads"], found.measurements, strict=True)
        ],
        "certainty": _certainty(found, faces),
        "robustness": robustness(subject, faces, bootstrap) if robust else None,
        **({"conditions": conditions(subject, faces, bootstrap)} if by_condition else {}),
        **({"device": deployed(device_answers, faces, bootstrap)} if device_answers is not None else {}),
        **(
            {"groups": groups(device_answers, faces, by_group, bootstrap)}
            if device_answers is not None and by_group
            else {}
        ),
    }


def to_json(found: Mapping[str, Any]) -> str:
    """Return the text of a results file."""
    return json.dumps(found, indent=1) + "\n"


def _head(
    plain: dict[str, Any],
    measured: Measurement,
    found: Evaluation,
    faces: FaceSet,
    *,
    without: NDArray[np.bool_] | None,
    bootstrap: Bootstrap,
) -> dict[str, Any]:
    logits, labels = found.logits[measured.head], truth(faces, measured.head)
    known = labels >= 0
    return {
        **plain,
        "interval": _intervals(logits[known], labels[known], measured.temperature, bootstrap, faces.classes),
        "reliability": {
            name: reliability(softmax(logits[known], temperature=temperature), labels[known]).round(4).tolist()
            for name, temperature in (("raw", 1.0), ("calibrated", measured.temperature))
        },
        "without_recurring": _without(logits, labels, measured, without, bootstrap=bootstrap, classes=faces.classes),
    }


def _without(
    logits: NDArray[np.float32],
    labels: NDArray[np.int64],
    measured: Measurement,
    without: NDArray[np.bool_] | None,
    *,
    bootstrap: Bootstrap,
    classes: tuple[str, ...],
) -> dict[str, Any] | None:
    """Return the figures without the pictures that recur in training; ``None`` if unknown or no pictures remain."""
    if without is None or not (without & (labels >= 0)).any():
        return None
    kept = without & (labels >= 0)
    again = measure(
        logits[kept], labels[kept], head=measured.head, labels=measured.labels, temperature=measured.temperature
    )
    return {
        "n": again.n,
        **{name: round(float(getattr(again, name)), 4) for name in FIGURES},
        "recall": by_name(again.recall, classes),
        "precision": by_name(again.precision, classes),
        "interval": _intervals(logits[kept], labels[kept], measured.temperature, bootstrap, classes),
    }


def _intervals(
    logits: NDArray[np.float32],
    labels: NDArray[np.int64],
    temperature: float,
    bootstrap: Bootstrap,
    classes: tuple[str, ...],
) -> dict[str, Any]:
    """Return lower and upper bound of every figure, by its name and for recall and precision by emotion."""
    bounds = bootstrap.intervals(len(labels), tally(logits, labels, temperature))
    pairs = [None if np.isnan(pair).any() else pair.round(4).tolist() for pair in bounds]
    names = list(map(str, classes))
    start, k = len(FIGURES), len(names)
    return {
        **dict(zip(FIGURES, pairs, strict=False)),
        "recall": dict(zip(names, pairs[start : start + k], strict=True)),
        "precision": dict(zip(names, pairs[start + k :], strict=True)),
    }


def _data(faces: FaceSet) -> dict[str, Any]:
    """Return the number of pictures of each original label, and how often the two label sets agree."""
    usable = faces.majority >= 0
    same = faces.labels[usable] == faces.majority[usable]
    return {
        "pictures": len(faces),
        "with_majority": int(usable.sum()),
        "label_sets_agree": round(float(same.mean()), 4) if usable.any() else None,
        "labels": faces.counts(),
        "majorities": count(faces.majority, faces.classes),
    }


def _certainty(found: Evaluation, faces: FaceSet) -> dict[str, Any] | None:
    """Return how the consensus head's certainty follows the annotators'; ``None`` without head or votes."""
    measured = next((m for m in found.measurements if m.head == "consensus"), None)
    if measured is None:
        return None
    return certainty(softmax(found.logits["consensus"], temperature=measured.temperature), faces.votes, faces.majority)
