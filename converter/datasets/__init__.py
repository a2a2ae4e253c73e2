"""Loaders for expression data, one per format, all returning :class:`~converter.datasets.faces.FaceSet`.

:func:`load` recognises the format.
"""

from converter.datasets.door import divided, load, load_splits
from converter.datasets.drops import drop_file, listed_rows, without_listed
from converter.datasets.faces import FaceSet
from converter.datasets.groups import shared_pictures
from converter.datasets.holdout import HoldOut, refuse_too_little
from converter.datasets.record import record_of
from converter.datasets.splits import MissingSplitError

__all__ = [
    "FaceSet",
    "HoldOut",
    "MissingSplitError",
    "divided",
    "drop_file",
    "listed_rows",
    "load",
    "load_splits",
    "record_of",
    "refuse_too_little",
    "shared_pictures",
    "without_listed",
]
