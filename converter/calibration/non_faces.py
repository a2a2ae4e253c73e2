"""Non-faces for training and for measuring: finds in pictures without faces, cut once and kept in a file.

Cutting them takes minutes. Training and measuring never share a picture: which of the two a picture is for follows from
its content alone, whatever the other pictures are.
"""

from __future__ import annotations

import hashlib
import io
import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from converter.calibration.finds import Detections, non_faces, pictures_in
from converter.datasets.faces import SIZE
from converter.outputs import write_bytes
from converter.shortened import shortened
from edge.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from edge.core.contrast import Contrast

_MEASURING, _OF = 2, 5
"""So many of so many pictures are kept for measuring."""
_DIGEST = 64


@dataclass(frozen=True, slots=True, eq=False)
class NonFaces:
    """Finds that are no faces, and the SHA-256 of each picture that was looked at, by its number."""

    finds: Detections
    digests: Sequence[str]

    @property
    def for_training(self) -> Detections:
        """Those in pictures to train on."""
        return self.finds.take(~self._for_measuring)

    @property
    def for_measuring(self) -> Detections:
        """Those in the other pictures.

        Raises:
            InputError: there are none.
        """
        found = self.finds.take(self._for_measuring)
        if not len(found):
            msg = f"none of the {len(self.digests)} pictures without faces is for measuring: give more, by the dozen"
            raise InputError(msg)
        return found

    @property
    def _for_measuring(self) -> NDArray[np.bool_]:
        kept = np.array([int(digest[:8], 16) % _OF < _MEASURING for digest in self.digests], bool)
        return kept[self.finds.pictures]


def cut(folder: Path, contrast: Contrast | None) -> NonFaces:
    """Cut what Haar finds out of the pictures of ``folder``, none of which shows a face.

    Raises:
        InputError: there are no pictures, or nothing is found in any.
    """
    digests = [hashlib.sha256(path.read_bytes()).hexdigest() for path in pictures_in(folder)]
    return NonFaces(non_faces(folder, contrast), digests)


def save(path: Path, found: NonFaces, contrast: Contrast | None) -> None:
    """Write the finds as ``path`` (an ``.npz``).

    Raises:
        InputError: it cannot be written.
    """
    stream = io.BytesIO()
    finds = found.finds
    np.savez_compressed(
        stream,
        crops=finds.crops,
        scores=finds.scores,
        pictures=finds.pictures,
        digests=np.array(found.digests, f"U{_DIGEST}"),
        contrast=np.array(_text(contrast)),
    )
    write_bytes(path, stream.getvalue())


def read(path: Path, contrast: Contrast | None) -> NonFaces:
    """Read what :func:`save` has written, or :func:`cut` it out of the pictures of a folder.

    Raises:
        InputError: the file cannot be read or has crops that are corrected otherwise, or the folder is of no use.
    """
    if path.is_dir():
        return cut(path, contrast)
    try:
        with np.load(path, allow_pickle=False) as content:
            found = _checked(content)
            kept = str(content["contrast"])
    except Exception as error:  # what a damaged archive makes numpy raise has no common class
        msg = f"{path}: holds no non-faces of face-convert non-faces: {shortened(error, 120)}"
        raise InputError(msg) from error
    if kept != _text(contrast):
        msg = f"{path}: its crops are corrected otherwise than this model's: cut them again with face-convert non-faces"
        raise InputError(msg)
    return found


def _checked(content: Any) -> NonFaces:
    crops, pictures = content["crops"], content["pictures"]
    scores, digests = content["scores"], [str(digest) for digest in content["digests"]]
    n = len(crops)
    if not n or crops.dtype != np.uint8 or crops.shape != (n, SIZE, SIZE):
        msg = f"expected crops of {SIZE} by {SIZE} uint8, found {crops.shape} {crops.dtype}"
        raise ValueError(msg)
    if pictures.shape != (n,) or scores.shape != (n,) or not ((pictures >= 0) & (pictures < len(digests))).all():
        msg = "scores or numbers of pictures do not fit the crops"
        raise ValueError(msg)
    return NonFaces(Detections(crops, scores.astype(float), pictures.astype(np.int64)), digests)


def _text(contrast: Contrast | None) -> str:
    return json.dumps(None if contrast is None else asdict(contrast), sort_keys=True)
