"""Whether the device does its work: tells the service manager, and ends what only a new process can mend.

The chain of recovery, the gentlest step first. A source without frames is closed and opened again, after growing
pauses (:mod:`edge.sources.newest`). Meanwhile the displays, the page and the feed say that the camera is away. A driver
that never answers, or a camera that stays away for long, ends the process, and the service manager starts it anew. The
watchdog of the service manager does so where not even this code is reached. What helps no more after several starts in
a row is left to the unit for faults, which shows a pattern on the LEDs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge.core.errors import SourceError

if TYPE_CHECKING:
    from edge.models.rollback import ModelRollback
    from edge.runtime.manager import ServiceManager
    from edge.sources.newest import NewestFrame


class HealthSupervisor:
    """``check`` is called in every turn of the loop.

    ``hang_s``: a call into the driver that takes longer will never return. ``give_up_s``: a camera that was away for so
    long may want a new process; 0: it is waited for for ever. ``probation``: an added model that this run may prove.
    """

    def __init__(
        self,
        frames: NewestFrame,
        manager: ServiceManager,
        *,
        hang_s: float,
        give_up_s: float,
        probation: ModelRollback | None = None,
    ) -> None:
        self._frames = frames
        self._manager = manager
        self._hang_s = hang_s
        self._give_up_s = give_up_s
        self._probation = probation

    def started(self) -> None:
        """The loop begins."""
        self._manager.ready()

    def stopping(self) -> None:
        """The loop has ended."""
        self._manager.stopping()

    def check(self, *, paused: bool, away: bool, over: bool = False) -> None:
        """Tell that the loop turns; ``away``: the camera is known not to deliver; ``over``: the recording has ended.

        Raises:
            SourceError: only a new process can bring the camera back.
        """
        frames = self._frames
        if not paused and not frames.lossless:
            if frames.held_up_s > self._hang_s:
                msg = f"{frames.uri}: its driver has not answered for {self._hang_s:g} s: ending, to be started anew"
                raise SourceError(msg)
            if self._give_up_s and away and frames.away_s > self._give_up_s:
                msg = (
                    f"{frames.uri}: no picture for {self._give_up_s:g} s: ending, to be started anew "
                    "(source.give_up_s = 0 waits for ever)"
                )
                raise SourceError(msg)
        state = f"{frames.uri} is away" if away else f"{frames.uri} is over" if over else f"looking at {frames.uri}"
        self._manager.status("paused" if paused else state)
        self._manager.alive()
        if self._probation is not None:
            looking = not paused and not away and not over and frames.last_frame_age_s is not None
            self._probation.turn(looking=looking)
