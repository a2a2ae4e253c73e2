"""Annotated copy that may fail without a loss of results: the disk may be read-only or full."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Self

from edge.analysis.copy import VideoCopy
from edge.core.errors import InputError
from edge.util.files import replacing

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import TracebackType

    import numpy as np
    from numpy.typing import NDArray

    from edge.analysis.clip import ClipFrame
    from edge.analysis.clips import AvClip


class CopyAttempt:
    """Writer of a :class:`~edge.analysis.copy.VideoCopy` to ``place`` that stops at the first error.

    A context manager: an error is raised at the end of the block, and an incomplete file is removed.
    """

    def __init__(self, place: Path, clip: AvClip) -> None:
        self._place, self._clip = place, clip
        self._resources = ExitStack()
        self._copy: VideoCopy | None = None
        self._failure: InputError | None = None

    def __enter__(self) -> Self:
        self._try(self._begin)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._resources.__exit__(kind, error, trace)
        if kind is None and self._failure is not None:
            raise self._failure

    def picture(self, make: Callable[[], NDArray[np.uint8]], original: ClipFrame) -> None:
        """Write the picture that ``make`` returns in place of ``original``."""
        if (copy := self._copy) is not None:
            self._try(lambda: copy.picture(make(), original))

    def sound(self, packet: Any) -> None:
        """Write an audio packet of the original."""
        if (copy := self._copy) is not None:
            self._try(lambda: copy.sound(packet))

    def _begin(self) -> None:
        temporary = self._resources.enter_context(replacing(self._place))
        self._copy = self._resources.enter_context(VideoCopy(temporary, self._clip))

    def _try(self, action: Callable[[], None]) -> None:
        try:
            action()
        except InputError as error:
            self._failure, self._copy = error, None
            # at once, so that the room is free again
            self._resources.__exit__(type(error), error, error.__traceback__)
