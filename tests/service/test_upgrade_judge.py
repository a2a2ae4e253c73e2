"""A new version is judged by the work that its own loop reports, on a clock that the test turns."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest
from upgrade.judge import Judge, Report, Unit, Verdict

WATCH_S, STALL_S, PATIENCE_S = 60.0, 30.0, 120.0
RUNS = Unit("active", 7)
LOOKS = Report("online", "usb:0", frames=0, states=1, broker=True)
AWAY = Report("offline", "usb:0", frames=0, states=0, broker=True)


@dataclass
class Version:
    """A started version, sampled every second."""

    before: Report | None = None
    now_s: float = 1000.0
    fps: int = 5
    report: Report | None = LOOKS
    unit: Unit = RUNS
    judge: Judge = field(init=False)

    def __post_init__(self) -> None:
        self.judge = Judge(watch_s=WATCH_S, stall_s=STALL_S, patience_s=PATIENCE_S, before=self.before)
        self.started_s = self.now_s

    def runs(self, seconds: float) -> Verdict | None:
        for _ in range(round(seconds)):
            self.now_s += 1
            if self.report is not None and self.report.frames is not None:
                self.report = replace(self.report, frames=self.report.frames + self.fps)
            verdict = self.judge.observe(self.now_s, self.unit, self.report)
            if verdict is not None:
                return verdict
        return None

    @property
    def took_s(self) -> float:
        return self.now_s - self.started_s


def healthy(verdict: Verdict | None) -> bool:
    assert verdict is not None
    return verdict.healthy


def test_work_for_the_whole_watch_is_accepted() -> None:
    version = Version()
    assert version.runs(59) is None
    verdict = version.runs(2)
    assert healthy(verdict)
    assert version.took_s == 61
    assert verdict is not None
    assert "processing usb:0, 305 frames" in verdict.reason


@pytest.mark.parametrize("dies_s", [0, 5, 31, 45, 59])
def test_one_that_dies_within_the_watch_is_rejected(dies_s: int) -> None:
    version = Version()
    assert version.runs(dies_s) is None
    version.unit = Unit("failed", 0, result="exit-code")
    verdict = version.runs(1)
    assert not healthy(verdict)
    assert "exit-code" in str(verdict)


@pytest.mark.parametrize("unit", [Unit("active", 8), Unit("active", 7, restarts=1), Unit("activating", 0, restarts=0)])
def test_one_that_was_started_again_is_rejected(unit: Unit) -> None:
    version = Version()
    version.runs(10)
    version.unit = unit
    assert not healthy(version.runs(1))


def test_a_reload_is_no_end() -> None:
    version = Version(unit=Unit("reloading", 7))
    assert healthy(version.runs(62))


def test_one_that_freezes_after_it_was_ready_is_rejected() -> None:
    version = Version(report=None)
    verdict = version.runs(1000)
    assert not healthy(verdict)
    assert "does not answer" in str(verdict)
    assert version.took_s <= PATIENCE_S + WATCH_S + 2


def test_one_that_freezes_later_is_rejected_within_a_watchdog() -> None:
    version = Version()
    version.runs(40)
    version.report = None
    verdict = version.runs(1000)
    assert not healthy(verdict)
    assert version.took_s == 40 + STALL_S + 1


def test_one_whose_loop_answers_but_looks_at_nothing_any_more_is_rejected() -> None:
    version = Version()
    version.runs(20)
    version.fps = 0
    verdict = version.runs(1000)
    assert not healthy(verdict)
    assert "no frame" in str(verdict)


def test_one_that_never_looks_at_a_frame_is_rejected() -> None:
    for camera in ("online", None):
        verdict = Version(fps=0, report=replace(LOOKS, camera=camera)).runs(1000)
        assert not healthy(verdict)
        assert "processes no frames" in str(verdict)


def test_one_that_publishes_no_state_is_rejected() -> None:
    verdict = Version(report=replace(LOOKS, states=0)).runs(1000)
    assert not healthy(verdict)
    assert "state" in str(verdict)


def test_a_slow_start_is_waited_for() -> None:
    version = Version(report=None)
    assert version.runs(100) is None
    version.report = LOOKS
    assert healthy(version.runs(70))


def test_a_frame_every_twenty_seconds_is_work() -> None:
    version, verdict = Version(fps=0), None
    for _ in range(5):
        assert version.report is not None
        version.report = replace(version.report, frames=(version.report.frames or 0) + 1)
        verdict = verdict or version.runs(20)
    assert healthy(verdict)


def test_a_pause_is_work() -> None:
    verdict = Version(before=LOOKS, report=Report("paused", "usb:0", paused=True, frames=0, states=0)).runs(70)
    assert healthy(verdict)
    assert "paused" in str(verdict)


def test_a_film_that_ends_within_the_watch_is_work() -> None:
    version = Version(before=LOOKS)
    version.runs(20)
    version.report, version.fps = Report("ended", "usb:0", frames=100, states=3, broker=True), 0
    assert healthy(version.runs(70))
    assert not healthy(Version(report=Report("ended", "usb:0", frames=0, states=0), fps=0).runs(1000))


@pytest.mark.parametrize(
    "before", [None, AWAY, replace(LOOKS, source="usb:1"), Report("paused", "usb:0", paused=True)], ids=str
)
def test_a_camera_that_is_away_is_not_the_version_s_fault(before: Report | None) -> None:
    verdict = Version(before=before, report=AWAY, fps=0).runs(70)
    assert healthy(verdict)
    assert "usb:0 is unavailable" in str(verdict)


def test_a_camera_that_only_the_version_before_could_use_is() -> None:
    verdict = Version(before=LOOKS, report=AWAY, fps=0).runs(1000)
    assert not healthy(verdict)
    assert "usb:0 is unavailable, which the previous version could use" in str(verdict)


def test_a_camera_that_comes_late_is_waited_for() -> None:
    version = Version(before=LOOKS, report=AWAY, fps=0)
    assert version.runs(60) is None
    version.report, version.fps = LOOKS, 5
    assert healthy(version.runs(70))


@pytest.mark.parametrize("before", [None, replace(LOOKS, broker=False), replace(LOOKS, broker=None)], ids=str)
def test_a_broker_that_is_away_is_not_the_version_s_fault(before: Report | None) -> None:
    assert healthy(Version(before=before, report=replace(LOOKS, broker=False)).runs(70))


def test_a_broker_that_only_the_version_before_reaches_is() -> None:
    verdict = Version(before=LOOKS, report=replace(LOOKS, broker=False)).runs(1000)
    assert not healthy(verdict)
    assert "broker" in str(verdict)


def test_a_connection_that_breaks_begins_the_watch_again_only_after_a_stall() -> None:
    version = Version(before=LOOKS)
    version.runs(30)
    version.report = replace(LOOKS, frames=1000, broker=False)
    assert version.runs(10) is None
    version.report = replace(LOOKS, frames=2000)
    assert healthy(version.runs(25))


def test_a_version_that_counts_nothing_is_judged_by_its_rate() -> None:
    old = Report("online", "usb:0", frames_per_second=4.8)
    assert healthy(Version(report=old).runs(70))
    assert not healthy(Version(report=replace(old, frames_per_second=0.0)).runs(1000))


def test_a_report_is_read_from_the_answer_to_status() -> None:
    status = {
        "camera": "online",
        "info": {"source": "picamera"},
        "privacy": False,
        "health": {"process_fps": 9.5},
        "work": {"frames": 12, "states": 2, "broker": None},
    }
    assert Report.of(status) == Report("online", "picamera", frames=12, states=2, frames_per_second=9.5)
    del status["work"]
    assert Report.of(status) == Report("online", "picamera", frames_per_second=9.5)
    with pytest.raises(KeyError):
        Report.of({"camera": None})
