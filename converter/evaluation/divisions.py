"""Ways to divide the faces of a split by properties that can be measured in the picture itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from converter.evaluation.pose import poses
from edge.vision.pose import FACING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from numpy.typing import NDArray

    from converter.datasets.faces import FaceSet

NOT_MEASURED = (
    (
        "glasses, beards, hats, masks: no labels that come with the data say which faces have them, and they were not "
        "guessed from the pictures"
    ),
    (
        "skin colour, ethnicity, age, sex, gender, culture: the data does not say who is in it. The brightness of a "
        "picture depends on light, exposure and background; it is not skin colour and stands for no group of people"
    ),
    "heads tilted up or down: five landmarks do not separate that from the shape of a face",
)
"""Properties that are not used for divisions, and the reasons."""
_FIFTHS = ("lowest fifth", "second", "third", "fourth", "highest fifth")
_TILTS, _TURNS = (0.0, 3.0, 6.0, 10.0), (0.0, 0.1, 0.25, FACING)


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """Some faces of a split, ``members`` ``(n,)``, with values from ``low`` to ``high`` if they have any."""

    name: str
    members: NDArray[np.bool_]
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Division:
    """Groups without common members; ``measure`` describes the property, ``without`` counts faces in no group."""

    name: str
    measure: str
    groups: tuple[Group, ...]
    without: int = 0


def divisions(faces: FaceSet, detector: Any | None) -> list[Division]:
    """Divide ``faces`` by brightness and contrast and, with a ``detector`` (YuNet), by pose."""
    grey = faces.pixels.reshape(len(faces), -1)
    found = [
        _fifths("brightness", "mean grey level of the picture", grey.mean(axis=1)),
        _fifths("contrast", "standard deviation of the picture's grey levels", grey.std(axis=1)),
    ]
    return found if detector is None else [*found, *_by_pose(faces, detector)]


def _by_pose(faces: FaceSet, detector: Any) -> Iterator[Division]:
    seen = poses(detector, faces)
    none = np.isnan(seen.tilt)
    yield _steps("tilt", "degrees by which the line of the eyes is tilted, either way", np.abs(seen.tilt), _TILTS)
    yield _steps(
        "turn",
        "distance of the nose from the middle between the eyes, in halves of the eyes' distance, either way; 0.1 is "
        "about 7 degrees, 0.25 about 18, 0.55 about 35",
        np.abs(seen.turn),
        _TURNS,
    )
    yield Division(
        "landmarks",
        "whether YuNet finds a face in the picture (score from 0.5)",
        (Group("found", ~none), Group("not found", none)),
    )


def _fifths(name: str, measure: str, values: NDArray[np.float64]) -> Division:
    edges = np.quantile(values, np.linspace(0, 1, len(_FIFTHS) + 1))
    number = np.digitize(values, edges[1:-1])
    return Division(
        name,
        measure,
        tuple(
            Group(words, number == index, round(float(edges[index]), 1), round(float(edges[index + 1]), 1))
            for index, words in enumerate(_FIFTHS)
        ),
    )


def _steps(name: str, measure: str, values: NDArray[np.float64], steps: tuple[float, ...]) -> Division:
    known = ~np.isnan(values)
    number = np.where(known, np.digitize(values, steps[1:]), -1)
    return Division(
        name,
        measure,
        tuple(
            Group(
                f"{low:g} to {high:g}" if high is not None else f"{low:g} and more",
                number == index,
                low,
                high,
            )
            for index, (low, high) in enumerate(zip(steps, (*steps[1:], None), strict=True))
        ),
        int((~known).sum()),
    )
