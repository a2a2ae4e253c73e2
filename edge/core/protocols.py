"""The five seams of the device; backends implement them, ``runtime`` alone names the concrete classes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from edge.core.contrast import Contrast
    from edge.core.events import Message
    from edge.core.labels import LabelSet
    from edge.core.types import Box, Detection, Frame, Observation, Reading, Scores


@runtime_checkable
class FrameSource(Protocol):
    """Where frames come from: a camera, a stream, files, a drawn scene.

    ``open`` and ``close`` may be called again and again, ``close`` also before ``open``. ``read`` never blocks for
    longer than the source's read timeout. While there is nothing to see, frames pass
    through ``skip``.
    """

    @property
    def uri(self) -> str:
        """The source as the configuration names it, credentials masked."""
        ...

    @property
    def lossless(self) -> bool:
        """True where every frame shall be processed (files, fast replay); False where only the newest counts."""
        ...

    @property
    def recorded(self) -> bool:
        """True for files and the like: each start begins anew, it may end, and its faults do not mend themselves."""
        ...

    @property
    def epoch_ns(self) -> int | None:
        """Wall-clock time of ``monotonic_ns == 0`` in Unix nanoseconds; ``None`` for a live source (now)."""
        ...

    def open(self) -> None:
        """Start delivering.

        Raises:
            SourceError: it cannot be opened; the message says why and what to do.
            HardwareUnavailable: a package that it needs is missing.
        """
        ...

    def read(self) -> Frame:
        """The next frame, at the latest after the read timeout.

        Raises:
            SourceEnded: a finite source has no more frames.
            SourceError: nothing came in time, or what came cannot be decoded.
        """
        ...

    def skip(self) -> bool:
        """Let the next frame pass without the work of decoding it; return False where the source cannot do that.

        Waits as long as :meth:`read` does, and raises the same errors.
        """
        ...

    def aim(self, faces: Sequence[Box], brightness: float | None) -> None:
        """Direct focus and exposure at the faces found, where the hardware can; a source without it does nothing.

        Called between two reads, on the thread that reads. ``faces`` are in pixels of the pictures that ``read`` gives,
        ``brightness`` is their usual grey level, 0 to 255 (``None``: nobody is in view).
        """
        ...

    def close(self) -> None:
        """Release the camera or file; harmless when repeated."""
        ...


@runtime_checkable
class FaceDetector(Protocol):
    """Finds faces in a picture.

    ``colour`` says that it finds more in BGR than in grey, ``smallest`` how many pixels a side a face must have to be
    found reliably.
    """

    name: str
    colour: bool
    smallest: float

    def detect(self, picture: NDArray[np.uint8], *, sizes: tuple[float, float] | None = None) -> list[Detection]:
        """Return faces in pixels of ``picture``, in no particular order.

        Args:
            picture: ``(height, width)`` grey, or ``(height, width, 3)`` BGR where ``colour`` is true, uint8.
            sizes: smallest and largest side of a face that is looked for, in pixels; without them the picture is a
                whole one and the detector's own limits hold. What is found may be a little out of them.
        """
        ...


@runtime_checkable
class EmotionClassifier(Protocol):
    """Gives each face crop a probability per class of ``labels``; ``contrast`` is how it wants dark crops corrected."""

    labels: LabelSet
    input_size: int
    crop_margin: float
    contrast: Contrast | None

    def classify(self, crops: Sequence[NDArray[np.uint8]]) -> list[Scores]:
        """Scores for each ``(input_size, input_size)`` uint8 grey crop, in order."""
        ...

    def read(self, crops: Sequence[NDArray[np.uint8]]) -> list[Reading]:
        """Scores as :meth:`classify` gives them, and whether each crop shows a face at all."""
        ...

    def close(self) -> None:
        """Free the interpreter; harmless when repeated."""
        ...


@runtime_checkable
class ObservationPipeline(Protocol):
    """Turns frames into observations; used by the loop alone, on its thread."""

    @property
    def still(self) -> bool:
        """True while nobody is known to be in view and nothing moved in the last frame."""
        ...

    def step(self, frame: Frame) -> Observation:
        """Return the faces in ``frame`` with their scores.

        Raises:
            EdgeError: the model failed for good.
        """
        ...

    def reset(self) -> None:
        """Forget the faces in view: the frames before are no longer those just before the next one."""
        ...

    def close(self) -> None:
        """Free the model; harmless when repeated."""
        ...


@runtime_checkable
class Sink(Protocol):
    """Receives messages on a thread of its own; may be slow, may fail, never holds the loop up."""

    name: str
    accepts: tuple[type, ...]
    """The kinds of message that ``handle`` wants; others are never queued for it."""
    wants_ticks: bool
    """True where ``tick`` is called, at least every 50 ms while the sink is open and no call lasts longer."""

    @property
    def queue_depth(self) -> int:
        """Messages that wait in the sink itself, where it queues for its network; from any thread."""
        ...

    @property
    def drops(self) -> int:
        """Messages that the sink itself has dropped since the start; from any thread."""
        ...

    def open(self) -> None:
        """Connect to the hardware or network.

        Raises:
            SinkError: it cannot be used now; ``dispatch`` tries again with backoff.
            HardwareUnavailable: a package that it needs is missing.
        """
        ...

    def handle(self, message: Message) -> None:
        """Take one message; an exception is logged and the sink opened again after a pause."""
        ...

    def tick(self, now_ns: int) -> None:
        """Do what is due without a message, at ``now_ns`` of ``time.monotonic_ns``; on the thread of ``handle``."""
        ...

    def close(self) -> None:
        """Leave the hardware in its resting state (LEDs off, ``offline`` published); harmless when repeated."""
        ...
