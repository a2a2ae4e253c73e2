"""Decide from samples of a started version whether it works.

Pure: the caller passes the time. Evidence is an answer of the device's main loop that reports one of these:

- it processes frames: more than at the previous sample, and it has passed at least one state to its outputs;
- it is paused by its operator;
- its recording has ended, and it has processed frames of it;
- its camera is unavailable, as it was with the previous version, or another one is configured.

If the previous version was connected to its broker, the new one must be, too. The version is accepted when evidence has
lasted for ``watch_s`` without a gap of ``stall_s``. It is rejected as soon as its process ends or is restarted, when
its loop does not answer or processes no frames for ``stall_s``, and when there is not enough evidence in time.

"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

_ACTIVE = ("active", "reloading")


@dataclass(frozen=True, slots=True)
class Unit:
    """State of the service in systemd: ``pid`` of its main process, number of automatic ``restarts``."""

    state: str
    pid: int
    restarts: int = 0
    result: str = "success"


@dataclass(frozen=True, slots=True)
class Report:
    """Status reported by the device; values that an older version does not report are ``None``."""

    camera: str | None
    source: str = ""
    paused: bool = False
    frames: int | None = None
    states: int | None = None
    broker: bool | None = None
    frames_per_second: float = 0.0

    @classmethod
    def of(cls, status: dict[str, Any]) -> Report:
        """Parse the answer of ``face-edge status --json``.

        Raises:
            KeyError, TypeError, ValueError: The answer has another form.
        """
        work = status.get("work") or {}
        return cls(
            camera=status["camera"],
            source=str(status["info"]["source"]),
            paused=bool(status["privacy"]),
            frames=work.get("frames"),
            states=work.get("states"),
            broker=work.get("broker"),
            frames_per_second=float(status["health"]["process_fps"]),
        )


@dataclass(frozen=True, slots=True)
class Verdict:
    """Outcome of a trial, with the reason."""

    healthy: bool
    reason: str


class Judge:
    """Judge of one start of the service by its samples.

    Args:
        watch_s: Seconds for which evidence must last; longer than the watchdog's period.
        stall_s: Seconds for which a running loop may not answer or process frames.
        patience_s: Maximum seconds until evidence begins.
        before: Last report of the previous version, if it was running.
    """

    def __init__(self, *, watch_s: float, stall_s: float, patience_s: float, before: Report | None = None) -> None:
        self._watch_s = watch_s
        self._stall_s = stall_s
        self._patience_s = patience_s
        self._before = before
        self._started_s = math.inf
        self._pid = 0
        self._answered_s: float | None = None
        self._report: Report | None = None
        self._since_s: float | None = None
        self._evidence_s = 0.0
        self._lacks = "it does not answer `face-edge status`"

    def observe(self, now_s: float, unit: Unit, report: Report | None) -> Verdict | None:
        """Process one sample; return the verdict once there is one.

        Args:
            now_s: Monotonic time of the sample in seconds.
            unit: State of the service at that time.
            report: Answer of its loop; ``None`` without one.
        """
        if self._started_s == math.inf:
            self._started_s, self._pid = now_s, unit.pid
        ended = self._ended(unit)
        if ended:
            return Verdict(healthy=False, reason=ended)
        if report is None:
            if self._answered_s is not None and now_s - self._answered_s > self._stall_s:
                return Verdict(healthy=False, reason=f"its loop has not answered for {self._stall_s:g} s")
        else:
            self._answered_s = now_s
            self._lacks, self._report = self._lacking(report), report
            if not self._lacks and now_s - self._note(now_s) >= self._watch_s:
                return Verdict(healthy=True, reason=_work(report))
        return self._overdue(now_s)

    def _note(self, now_s: float) -> float:
        """Record evidence and return the time since which it has lasted without a gap."""
        if self._since_s is None or now_s - self._evidence_s > self._stall_s:
            self._since_s = now_s
        self._evidence_s = now_s
        return self._since_s

    def _overdue(self, now_s: float) -> Verdict | None:
        if self._since_s is not None and self._lacks == _NO_FRAMES and now_s - self._evidence_s > self._stall_s:
            return Verdict(healthy=False, reason=f"it has processed no frame for {self._stall_s:g} s")
        if now_s - self._started_s > self._patience_s + self._watch_s:
            return Verdict(healthy=False, reason=self._lacks or "it does not work steadily")
        return None

    def _ended(self, unit: Unit) -> str:
        """Return why the started process no longer runs; empty if it does."""
        if unit.restarts > 0 or (unit.state in _ACTIVE and unit.pid != self._pid):
            return "it ended and was restarted"
        if unit.state not in _ACTIVE:
            return f"it ended: {unit.result if unit.result != 'success' else unit.state}"
        return ""

    def _lacking(self, report: Report) -> str:
        """Return the evidence missing in this report; empty if it is complete."""
        before = self._before
        if before is not None and before.broker and report.broker is False:
            return "it does not reach the broker, which the previous version did"
        if report.paused or (report.camera == "ended" and report.frames != 0):
            return ""
        if report.camera == "offline":
            if before is not None and before.camera == "online" and before.source == report.source:
                return f"{report.source} is unavailable, which the previous version could use"
            return ""
        if report.camera is None or not self._has_looked(report):
            return _NO_FRAMES
        return "it has published no state" if report.states == 0 else ""

    def _has_looked(self, report: Report) -> bool:
        """Return whether frames were processed since the last report; an older version reports only a rate."""
        if report.frames is None:
            return report.frames_per_second > 0
        earlier = self._report.frames if self._report is not None else 0
        return earlier is not None and report.frames > earlier


_NO_FRAMES = "it processes no frames"


def _work(report: Report) -> str:
    """Describe the activity of an accepted version."""
    lacks = ", and its broker is unavailable" if report.broker is False else ""
    if report.paused:
        return f"paused by its operator{lacks}"
    if report.camera == "offline":
        return f"{report.source} is unavailable{lacks}"
    if report.camera == "ended":
        return f"{report.source} has ended{lacks}"
    counted = "" if report.frames is None else f", {report.frames} frames"
    return f"processing {report.source}{counted}{lacks}"
