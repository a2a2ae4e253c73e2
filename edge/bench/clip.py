"""Clips and pictures of faces from files, for measuring."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import cv2

from edge.bench.scene import as_looks
from edge.core.errors import InputError, SourceEnded
from edge.sources.factory import PICTURE_SUFFIXES
from edge.sources.video import VideoFile

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from edge.config import Config

_USUAL_FPS = 30.0
_MOST_LOOKS = 400


def frames_of(config: Config, path: Path) -> tuple[Iterator[NDArray[np.uint8]], float]:
    """Return the pictures of a video and its frame rate.

    Raises:
        SourceError: it is missing, or no video.
    """
    file = VideoFile(config.source.model_copy(update={"uri": str(path)}))
    file.open()
    first, second = file.read(), None
    try:
        second = file.read()
    except SourceEnded:
        fps = _USUAL_FPS
    else:
        fps = 1e9 / max(1, second.monotonic_ns - first.monotonic_ns)

    def pictures() -> Iterator[NDArray[np.uint8]]:
        yield first.image
        if second is not None:
            yield second.image
        try:
            while True:
                yield file.read().image
        except SourceEnded:
            return
        finally:
            file.close()

    return pictures(), fps


def looks_in(folder: Path) -> tuple[NDArray[np.uint8], ...]:
    """Return pictures of faces in ``folder`` and its subfolders as heads; at most 400, evenly selected.

    Raises:
        InputError: there is none.
    """
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in PICTURE_SUFFIXES)
    chosen = paths[:: max(1, len(paths) // _MOST_LOOKS)][:_MOST_LOOKS]
    pictures = [picture for path in chosen if (picture := cv2.imread(str(path), cv2.IMREAD_COLOR)) is not None]
    if not pictures:
        msg = f"{folder}: has no pictures of faces (expected files such as .png and .jpg)"
        raise InputError(msg)
    return as_looks([cast("NDArray[np.uint8]", picture) for picture in pictures])
