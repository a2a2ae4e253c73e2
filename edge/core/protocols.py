"""The five interfaces of the device; backends implement them, only ``runtime`` names the concrete classes."""

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
    """Source of frames: a camera, a stream, files or a drawn scene.

    ``open`` and ``close`` may be called repeatedly, ``close`` also before ``open``. ``read`` never blocks for longer
    than the source's read timeout. The loop calls ``skip`` in place of ``read`` while there is nothing to see.
    """

    @property
    def uri(self) -> str:
        """Return the source's address as configured, with credentials masked."""
        ...

    @property
    def lossless(self) -> bool:
        """Return whether every frame must be processed (files, fast replay) or only the newest one matters."""
        ...

    @property
    def recorded(self) -> bool:
        """Return whether the source is a recording: it starts from the beginning, may end, and its faults persist."""
        ...

    @property
    def epoch_ns(self) -> int | None:
        """Return the wall-clock time of ``monotonic_ns == 0`` in Unix nanoseconds; ``None`` for a live source."""
        ...

    def open(self) -> None:
        """Start delivering.

        Raises:
            SourceError: it cannot be opened; the message gives the cause and the remedy.
            HardwareUnavailable: a package that it needs is missing.
        """
        ...

    def read(self) -> Frame:
        """Return the next frame.

        Raises:
            SourceEnded: a finite source has no more frames.
            SourceError: no frame arrived within the read timeout, or it cannot be decoded.
        """
        ...

    def skip(self) -> bool:
        """Drop the next frame without decoding it; return False if the source cannot do that.

        It waits as long as :meth:`read` does, and raises the same errors.
        """
        ...

    def aim(self, faces: Sequence[Box], brightness: float | None) -> None:
        """Adjust focus and exposure to the detected faces if the hardware supports it, otherwise do nothing.

        Called between two reads, on the reading thread. ``faces`` are in pixels of the frames that ``read`` returns,
        ``brightness`` is their typical grey level, 0 to 255 (``None``: nobody is in view).
        """
        ...

    def close(self) -> None:
        """Release the camera or file; may be called repeatedly."""
        ...


@runtime_checkable
class FaceDetector(Protocol):
    """Detects faces in a picture.

    ``colour`` is true if it finds more faces in BGR than in grey pictures; ``smallest`` is the side in pixels of the
    smallest face that it finds reliably.
    """

    name: str
    colour: bool
    smallest: float

    def detect(self, picture: NDArray[np.uint8], *, sizes: tuple[float, float] | None = None) -> list[Detection]:
        """Return faces in pixels of ``picture``, in no particular order.

        Args:
            picture: ``(height, width)`` grey, or ``(height, width, 3)`` BGR where ``colour`` is true, uint8.
            sizes: smallest and largest side of the faces to detect, in pixels; detections may exceed them slightly.
                By default ``picture`` is a whole frame and the detector's own limits apply.
        """
        ...


@runtime_checkable
class EmotionClassifier(Protocol):
    """Assigns each face crop a probability per class of ``labels``; ``contrast`` is the correction of dark crops."""

    labels: LabelSet
    input_size: int
    crop_margin: float
    contrast: Contrast | None

    def classify(self, crops: Sequence[NDArray[np.uint8]]) -> list[Scores]:
        """Return the scores of each ``(input_size, input_size)`` uint8 grey crop, in order."""
        ...

    def read(self, crops: Sequence[NDArray[np.uint8]]) -> list[Reading]:
        """Return the scores as :meth:`classify` does, and the evidence that each crop shows a face."""
        ...

    def close(self) -> None:
        """Free the interpreter; may be called repeatedly."""
        ...


@runtime_checkable
class ObservationPipeline(Protocol):
    """Turns frames into observations; used only by the loop, on its thread."""

    @property
    def still(self) -> bool:
        """Return whether no face is known and nothing moved in the last frame."""
        ...

    def step(self, frame: Frame) -> Observation:
        """Return the faces in ``frame`` with their scores.

        Raises:
            EdgeError: the model failed for good.
        """
        ...

    def reset(self) -> None:
        """Forget the faces in view, since the next frame does not follow the last one."""
        ...

    def close(self) -> None:
        """Free the model; may be called repeatedly."""
        ...


@runtime_checkable
class Sink(Protocol):
    """Receives messages on its own thread; may be slow or fail, but never blocks the loop."""

    name: str
    accepts: tuple[type, ...]
    """Types of message that ``handle`` accepts; others are never queued for it."""
    wants_ticks: bool
    """Whether ``tick`` is called: at least every 50 ms while the sink is open, unless a call takes longer."""

    @property
    def queue_depth(self) -> int:
        """Return the number of messages queued in the sink itself; may be called from any thread."""
        ...

    @property
    def drops(self) -> int:
        """Return the number of messages that the sink has dropped since the start; may be called from any thread."""
        ...

    def open(self) -> None:
        """Connect to the hardware or network.

        Raises:
            SinkError: it cannot be used now; ``dispatch`` retries with backoff.
            HardwareUnavailable: a package that it needs is missing.
        """
        ...

    def handle(self, message: Message) -> None:
        """Handle one message; an exception is logged, and the sink is reopened after a pause."""
        ...

    def tick(self, now_ns: int) -> None:
        """Do periodic work at ``now_ns`` of ``time.monotonic_ns``; called on the thread of ``handle``."""
        ...

    def close(self) -> None:
        """Put the hardware into its resting state (LEDs off, ``offline`` published); may be called repeatedly."""
        ...
