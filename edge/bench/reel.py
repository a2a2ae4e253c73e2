"""Clip of frames decoded or drawn in advance, so that the loop is measured and not a decoder.

Frames lie uncompressed in a temporary file that is mapped into memory; handing one on copies nothing.
"""

from __future__ import annotations

import shutil
import time
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from edge.core.errors import InputError, SourceEnded
from edge.core.types import Frame
from edge.sources.passive import PassiveSource

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

FILE = "reel.raw"
_NS = 1_000_000_000
_SPARE_BYTES = 256 * 2**20


class Reel:
    """Decoded clip of ``len(reel)`` frames of one size at ``fps``."""

    def __init__(self, frames: NDArray[np.uint8], fps: float) -> None:
        self._frames = frames
        self.fps = fps

    @classmethod
    def record(
        cls,
        pictures: Iterable[NDArray[np.uint8]],
        folder: Path,
        *,
        fps: float,
        count: int,
        progress: Callable[[float], None] = lambda _done: None,
    ) -> Self:
        """Store up to ``count`` pictures of one size in a file in ``folder``.

        Raises:
            InputError: there is no picture, they differ in size, or the folder has no room for them.
        """
        path, taken, shape = folder / FILE, 0, None
        with path.open("wb") as file:
            for picture in pictures:
                if shape is None:
                    shape = picture.shape
                    _check_room(folder, picture.nbytes * count)
                if picture.shape != shape:
                    msg = f"frame {taken} is {picture.shape[1]} x {picture.shape[0]}, those before were of another size"
                    raise InputError(msg)
                file.write(picture.tobytes())
                taken += 1
                progress(taken)
                if taken == count:
                    break
        if shape is None:
            msg = "the clip has no frames"
            raise InputError(msg)
        return cls(np.memmap(path, np.uint8, "r", shape=(taken, *shape)), fps)

    def __len__(self) -> int:
        return len(self._frames)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return int(self._frames.shape[2]), int(self._frames.shape[1])

    def frame(self, index: int) -> Frame:
        """Return frame ``index`` with its time."""
        return Frame(np.asarray(self._frames[index]), round(index * _NS / self.fps), index)

    def __iter__(self) -> Iterator[Frame]:
        return map(self.frame, range(len(self)))


class ReelSource(PassiveSource):
    """Source of a reel's frames: once at full speed, or repeatedly at its frame rate as a camera would."""

    uri = "reel"

    def __init__(self, reel: Reel, *, live: bool = False) -> None:
        self._reel = reel
        self._index = 0
        self._started_ns = 0
        self.lossless = not live
        self.epoch_ns = None if live else 0

    def open(self) -> None:
        """Start at the first frame."""
        self._index = 0
        self._started_ns = time.monotonic_ns()

    def read(self) -> Frame:
        """Return the next frame; wait for its time if live.

        Raises:
            SourceEnded: that was the last.
        """
        index, self._index = self._index, self._index + 1
        if self.lossless:
            if index >= len(self._reel):
                msg = f"reel: ended after {index} frames"
                raise SourceEnded(msg)
            return self._reel.frame(index)
        due_ns = self._started_ns + round(index * _NS / self._reel.fps)
        time.sleep(max(0, due_ns - time.monotonic_ns()) / _NS)
        shown: Any = self._reel.frame(index % len(self._reel)).image
        return Frame(shown, due_ns, index)

    def skip(self) -> bool:
        """Skip the next frame."""
        due_ns = self._started_ns + round(self._index * _NS / self._reel.fps)
        time.sleep(max(0, due_ns - time.monotonic_ns()) / _NS)
        self._index += 1
        return True

    def close(self) -> None:
        """Do nothing: there is nothing to release."""


def _check_room(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if needed + _SPARE_BYTES > free:
        msg = (
            f"{folder}: the clip's frames need {needed / 1e6:,.0f} MB and there are {free / 1e6:,.0f}: "
            "set TMPDIR to a larger disk, or give fewer --seconds"
        )
        raise InputError(msg)
