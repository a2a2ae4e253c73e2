"""Open video files: interface of the readers, limits, and errors of damaged files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from edge.analysis.inputs import printable
from edge.core.errors import InputError
from edge.sources.containers import is_cut_off

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Bounds:
    """What may be asked of the machine for one video; ``None`` where there is no bound.

    ``container`` is libav's name of the only reader that may open the file; ``max_pixels`` and ``max_s`` refuse, and
    ``longest_px`` and ``copy_fps`` reduce what is drawn upon and written. ``threads`` decode and encode, 0: as many as
    libav likes.
    """

    container: str | None = None
    max_pixels: int | None = None
    max_s: float | None = None
    longest_px: int | None = None
    copy_fps: float | None = None
    threads: int = 0


class TooMuch(InputError):
    """A video beyond a bound; ``code`` is ``too_long`` or ``too_many_pixels``."""

    def __init__(self, why: str, code: str) -> None:
        super().__init__(why)
        self.code = code


UNBOUNDED = Bounds()


@dataclass(frozen=True, slots=True)
class ClipFrame:
    """One frame of a video, ``time_s`` after the first; calling ``image`` returns the upright BGR picture.

    ``size`` is the upright frame's original width and height if ``image`` returns a reduced one.
    """

    index: int
    time_s: float
    image: Callable[[], NDArray[np.uint8]]
    native: Any = None
    size: tuple[int, int] | None = None


class Clip(Protocol):
    """Open video file; ``duration_s`` is the container's value or ``None``."""

    path: Path
    duration_s: float | None

    def frames(self) -> Iterator[ClipFrame]:
        """Yield all frames in order of time, decoded one by one.

        Raises:
            InputError: nothing in the file can be decoded, or it is cut off.
        """
        ...

    def close(self) -> None:
        """Release the file."""
        ...


def no_video(path: Path, error: Exception | None) -> InputError:
    """Return the error of a file that no reader can open."""
    reason = ""
    if isinstance(error, OSError) and error.strerror and "Invalid data" not in error.strerror:
        reason = f": {error.strerror}"
    return InputError(
        f"{printable(path)}: is neither a picture nor a video that can be read{reason}; it may be damaged"
    )


def check_whole(path: Path, frames: int, last_s: float, damaged: int = 0) -> None:
    """Check that a video was read to its end.

    The length in its header does not matter: a last picture may be held, or a single picture may have long audio.

    Raises:
        InputError: nothing was decoded, ``damaged`` packets were not, or the file is cut off.
    """
    if damaged and frames:
        raise broken(path, frames, last_s, f"{damaged} packets cannot be decoded")
    if is_cut_off(path):
        raise broken(path, frames, last_s, "it is cut off, its end is missing")
    if frames == 0:
        msg = f"{printable(path)}: no frame of it can be decoded; it is damaged, or of a kind that is not read"
        raise InputError(msg)


def broken(path: Path, frames: int, last_s: float, reason: str) -> InputError:
    """Return the error of a file that was read up to ``last_s``."""
    reason = next(iter(reason.splitlines()), "")
    if not frames:
        return InputError(f"{printable(path)}: no frame of it can be decoded ({reason}); the file is damaged")
    return InputError(f"{printable(path)}: is damaged: {reason}; what is read are {frames} frames, {last_s:.1f} s")
