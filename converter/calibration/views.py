"""Views of faces for the network: plain, disturbed, small, dark, noisy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from converter.evaluation.conditions import Condition
from converter.evaluation.disturbances import DISTURBANCES
from converter.runner import corrected

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

    from converter.datasets.faces import FaceSet
    from edge.core.contrast import Contrast

PLAIN = "plain"
PLAIN_BOUND, SPOILED_BOUND = 0.02, 0.05
"""Maximum expected calibration errors: for plain faces, and for each view of degraded ones."""
CONDITIONS = (
    *(Condition(size) for size in (16, 24, 32, 144)),
    *(Condition(48, light, noisy=True) for light in (10, 5, 2)),
    *(Condition(24, light, noisy=True) for light in (100, 25, 10, 5)),
    Condition(144, 5, noisy=True),
)


@dataclass(frozen=True, slots=True, eq=False)
class CalibrationView:
    """Input of the network on the device for every face of a split, ``crops`` ``(n, 48, 48)`` uint8 grey."""

    name: str
    crops: NDArray[np.uint8]


def bound_of(view: str) -> float:
    """Return the maximum calibration error of the view of that name."""
    return PLAIN_BOUND if view == PLAIN else SPOILED_BOUND


def views(faces: FaceSet, contrast: Contrast | None) -> Iterator[CalibrationView]:
    """Yield every view of ``faces``, the plain one first; dark crops are corrected by ``contrast``."""
    yield CalibrationView(PLAIN, corrected(faces.pixels, contrast))
    for one in DISTURBANCES:
        yield CalibrationView(f"{one.kind}, {one.strength}", corrected(one.apply(faces.pixels), contrast))
    for each in CONDITIONS:
        noise = ", noise" if each.noisy else ""
        yield CalibrationView(f"{each.size} px, {each.light} % of the light{noise}", each.crops(faces, contrast))
