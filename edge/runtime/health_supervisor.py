"""Supervise the device: notify the service manager, and end the process if only a restart can help.

The steps of recovery, mildest first: A source without frames is closed and reopened after increasing delays
(:mod:`edge.sources.newest`); meanwhile displays, page and feed show that the camera is away. If a driver never answers,
or a camera stays away for long, the process ends and the service manager restarts it. The service manager's watchdog
does so if not even this code is reached. If several restarts in a row do not help, the fault unit shows a pattern on
the LEDs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge.core.errors import SourceError

if TYPE_CHECKING:
    from edge.models.rollback import ModelRollback
    from edge.runtime.manager import ServiceManager
    from edge.sources.newest import NewestFrame


class HealthSupervisor:
    """Supervisor whose ``check`` is called in every turn of the loop.

    ``hang_s``: seconds after which a call into the driver counts as hanging. ``give_up_s``: seconds without the camera
    after which the process ends, 0 for never. ``rollback``: trial of an added model that this run may confirm.
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
        """Report that the loop has started."""
        self._manager.ready()

    def stopping(self) -> None:
        """Report that the loop has ended."""
        self._manager.stopping()

    def check(self, *, paused: bool, away: bool, over: bool = False) -> None:
        """Report that the loop is alive; ``away``: the camera delivers no frames; ``over``: the recording has ended.

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
