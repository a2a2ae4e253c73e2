"""A trial changes the files of an installation in order, and whatever interrupts it, the next start goes back."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from upgrade.judge import Report, Unit
from upgrade.releases import Releases
from upgrade.trial import Interrupted, Refused, Trial, held

if TYPE_CHECKING:
    from collections.abc import Callable

    from upgrade.judge import Verdict

SYSTEMD = Path(__file__).resolve().parents[2] / "systemd"
OLD, NEW = "20250101T000000", "20250102T000000"


class PowerCut(BaseException):
    """Nothing after it happens."""


@dataclass
class FakeService:
    """A service manager: runs what ``current`` points to; a version in ``bad`` ends after a few seconds."""

    root: Path
    bad: set[str] = field(default_factory=set)
    away: set[str] = field(default_factory=set)
    broker: bool | None = None
    runs: str = OLD
    now_s: float = 0.0
    pid: int = 1
    frames: int = 0
    steps: list[str] = field(default_factory=list)
    before_stop: Callable[[], None] = lambda: None

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds

    def start(self) -> bool:
        self.runs, self.pid, self.frames = (self.root / "current").resolve().name, self.pid + 1, 0
        self.started_s = self.now_s
        self.steps.append(f"start {self.runs}")
        return True

    def stop(self) -> None:
        self.before_stop()
        self.steps.append("stop")
        self.runs = ""

    def restart(self) -> None:
        self.steps.append("restart")

    def reload_units(self) -> None:
        self.steps.append("reload")

    def unit(self) -> Unit:
        if self.runs in self.bad and self.now_s - self.started_s >= 45:
            return Unit("activating", 0, restarts=1, result="exit-code")
        return Unit("active", self.pid)

    def watchdog_s(self) -> float:
        return 30.0

    def report(self) -> Report | None:
        if not self.runs:
            return None
        self.frames += 5
        report = Report("online", "usb:0", frames=self.frames, states=1, broker=self.broker)
        return replace(report, camera="offline") if self.runs in self.away else report

    def log_tail(self, _since: float) -> str:
        return "its last words"

    def guard(self, name: str) -> None:
        self.steps.append(name.rstrip("0123456789-"))


@dataclass
class Board:
    """An installation in a folder, and a trial on it."""

    folder: Path
    said: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.root, self.units = self.folder / "opt", self.folder / "units"
        self.units.mkdir(parents=True)
        self.service = FakeService(self.root)
        self.releases = Releases(self.root, self.units, sync=lambda *_: None)
        self.release(OLD, "face-edge.service", "face-edge-fault.service")
        self.releases.switch(self.root / "releases" / OLD)
        self.trial = Trial(
            self.releases,
            self.service,  # type: ignore[arg-type]
            self.said.append,
            lock=self.folder / "lock",
            monotonic=lambda: self.service.now_s,
            sleep=lambda seconds: self.service.sleep(seconds),  # noqa: PLW0108 - a test may replace it
        )

    def release(self, name: str, *units: str) -> Path:
        folder = self.root / "releases" / name
        (folder / "bin").mkdir(parents=True)
        (folder / "bin" / "face-edge").touch()
        (folder / "units").mkdir()
        for unit in units:
            (folder / "units" / unit).write_text(f"{unit} of {name}\n")
        return folder

    def new(self) -> Path:
        return self.release(NEW, "face-edge.service", "face-edge-kiosk.service")

    @property
    def in_use(self) -> str:
        return (self.root / "current").resolve().name

    @property
    def is_consistent(self) -> bool:
        """Whether the units in place are those of the version in use, and nothing else lies there."""
        brought = self.root / "releases" / self.in_use / "units"
        return {p.name: p.read_text() for p in self.units.glob("*.service")} == {
            p.name: p.read_text() for p in brought.iterdir()
        }


@pytest.fixture
def board(tmp_path: Path) -> Board:
    return Board(tmp_path / "board")


def test_a_good_version_takes_over(board: Board) -> None:
    verdict = board.trial.run(board.new())
    assert verdict.healthy
    assert (board.in_use, board.is_consistent, board.releases.on_trial) == (NEW, True, False)
    assert board.releases.previous == board.root / "releases" / OLD
    assert board.service.steps == ["face-edge-guard", "stop", "reload", f"start {NEW}"]
    assert board.service.now_s >= 60


def test_the_old_one_has_ended_before_anything_changes(board: Board) -> None:
    seen = []
    board.service.before_stop = lambda: seen.append((board.in_use, board.is_consistent, board.releases.on_trial))
    board.trial.run(board.new())
    assert seen == [(OLD, True, True)]


def test_a_version_lies_on_the_disk_before_anything_points_to_it(board: Board) -> None:
    """A rename may reach the disk before the bytes do."""
    synced = []
    new = board.new()
    releases = Releases(board.root, board.units, sync=lambda *paths: synced.append((board.in_use, paths)))
    releases.begin_trial(board.root / "releases" / OLD)
    releases.switch(new)
    assert synced == [(OLD, (board.root,)), (OLD, (new, board.units)), (NEW, (board.units, board.root))]


def test_one_that_dies_after_45_seconds_is_taken_back(board: Board) -> None:
    new = board.new()
    board.service.bad = {NEW}
    verdict = board.trial.run(new)
    assert not verdict.healthy
    assert "the previous one runs again" in verdict.reason
    assert (board.in_use, board.is_consistent, board.releases.on_trial) == (OLD, True, False)
    assert board.service.runs == OLD
    assert not new.exists()
    assert any("its last words" in text for text in board.said)


def test_one_without_the_camera_that_the_old_one_had_is_taken_back(board: Board) -> None:
    board.service.away = {NEW}
    verdict = board.trial.run(board.new())
    assert (verdict.healthy, board.in_use) == (False, OLD)
    assert "usb:0 is unavailable" in verdict.reason


def test_a_camera_that_goes_during_the_trial_is_away_with_the_old_one_too_which_is_said(board: Board) -> None:
    board.service.before_stop = lambda: board.service.away.update({OLD, NEW})
    verdict = board.trial.run(board.new())
    assert (verdict.healthy, board.in_use) == (False, OLD)
    assert verdict.reason.endswith("the previous one runs again: usb:0 is unavailable")


def test_a_broker_that_goes_during_the_trial_is_away_with_the_old_one_too_which_is_said(board: Board) -> None:
    board.service.broker = True
    board.service.before_stop = lambda: setattr(board.service, "broker", False)
    verdict = board.trial.run(board.new())
    assert (verdict.healthy, board.in_use) == (False, OLD)
    assert "it does not reach the broker" in verdict.reason
    assert verdict.reason.endswith("frames, and its broker is unavailable")


def test_both_bad_is_said(board: Board) -> None:
    new = board.new()
    board.service.bad = {NEW, OLD}
    board.service.away = {OLD}
    board.trial.patience_s = 0.0
    reported = FakeService.report
    board.service.report = lambda: None if board.service.runs == OLD else reported(board.service)  # type: ignore[method-assign]
    verdict = board.trial.run(new)
    assert "neither the new version" in verdict.reason
    assert board.in_use == OLD


def test_ctrl_c_takes_it_back_at_once(board: Board) -> None:
    def interrupt(seconds: float) -> None:
        board.service.sleep(seconds)
        if board.service.runs == NEW and board.service.now_s > 10:
            raise Interrupted

    board.trial.sleep = interrupt
    verdict = board.trial.run(board.new())
    assert "interrupted" in verdict.reason
    assert (board.in_use, board.service.runs, board.releases.on_trial) == (OLD, OLD, False)
    assert board.service.now_s < 30


def test_a_first_version_has_nothing_to_go_back_to(tmp_path: Path) -> None:
    board = Board(tmp_path / "board")
    shutil.rmtree(board.root / "releases" / OLD)
    board.service.bad = {NEW}
    verdict = board.trial.run(board.new())
    assert (verdict.healthy, board.in_use, board.releases.on_trial) == (False, NEW, False)
    assert "face-edge-guard" not in board.service.steps


@pytest.mark.parametrize("is_bad", [False, True], ids=["accepted", "rejected"])
def test_after_a_power_cut_at_any_step_the_next_start_finds_one_whole_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, is_bad: bool
) -> None:
    changes = [(Path, "replace"), (Path, "symlink_to"), (Path, "unlink"), (shutil, "copyfile"), (FakeService, "stop"),
               (FakeService, "start"), (FakeService, "sleep"), (FakeService, "reload_units")]  # fmt: skip
    cuts, outcomes = 0, []
    while True:
        board = Board(tmp_path / f"{cuts}-{is_bad}")
        new = board.new()
        board.service.bad = {NEW} if is_bad else set()
        board.trial.patience_s = 10.0
        left = cuts
        with monkeypatch.context() as patched:
            for owner, name in changes:
                done = getattr(owner, name)

                def cut_or(*given: Any, _done: Any = done, **named: Any) -> Any:
                    nonlocal left
                    if left == 0:
                        raise PowerCut
                    left -= 1
                    return _done(*given, **named)

                patched.setattr(owner, name, cut_or)
            try:
                board.trial.run(new, delete=False)
            except PowerCut:
                pass
            else:
                break
        was_open = board.releases.on_trial
        board.trial.settle()
        outcomes.append(board.in_use)
        assert board.is_consistent, cuts
        assert not board.releases.on_trial
        assert board.in_use == (OLD if is_bad or was_open else outcomes[-1])
        cuts += 1
    assert cuts > 60
    first_new = outcomes.index(NEW) if NEW in outcomes else len(outcomes)
    assert set(outcomes[:first_new]) == {OLD}
    assert set(outcomes[first_new:]) <= {NEW}
    assert len(outcomes) - first_new <= 2, "only the last steps may leave the new version in use"


def test_a_start_without_a_living_judge_goes_back(board: Board) -> None:
    new = board.new()
    board.service.sleep = lambda _: (_ for _ in ()).throw(PowerCut)  # type: ignore[method-assign, assignment]
    with pytest.raises(PowerCut):
        board.trial.run(new)
    assert (board.in_use, board.releases.on_trial) == (NEW, True)
    board.trial.settle()
    assert (board.in_use, board.is_consistent, board.releases.on_trial) == (OLD, True, False)
    assert board.releases.previous is None, "the rejected one is no choice for a rollback"
    assert f"{OLD} is in use again" in board.said[-1]


def test_a_start_by_the_living_judge_does_not(board: Board) -> None:
    seen: list[str] = []
    other = Trial(board.releases, board.service, board.said.append, lock=board.trial.lock)  # type: ignore[arg-type]
    start = board.service.start

    def started() -> bool:
        thread = threading.Thread(target=other.settle)
        thread.start()
        thread.join()
        seen.append(board.in_use)
        return start()

    board.service.start = started  # type: ignore[method-assign]
    assert board.trial.run(board.new()).healthy
    assert seen == [NEW]


def test_a_trial_whose_way_back_is_gone_ends_with_the_new_version(board: Board) -> None:
    new = board.new()
    board.releases.begin_trial(board.root / "releases" / OLD)
    board.releases.switch(new)
    shutil.rmtree(board.root / "releases" / OLD)
    board.trial.settle()
    assert (board.in_use, board.is_consistent, board.releases.on_trial) == (NEW, True, False)
    assert "gone" in board.said[-1]


def test_the_next_installer_first_goes_back_from_an_interrupted_trial(board: Board) -> None:
    board.releases.begin_trial(board.root / "releases" / OLD)
    board.releases.switch(board.new())
    newer = board.release("20250103T000000", "face-edge.service")
    assert board.trial.run(newer).healthy
    assert board.in_use == newer.name
    assert board.releases.previous == board.root / "releases" / OLD


def test_one_trial_at_a_time(board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("upgrade.trial._taken", lambda *_: False)
    with pytest.raises(Refused, match="another version is on trial"):
        board.trial.run(board.new())
    assert (board.in_use, board.service.steps) == (OLD, [])


def test_what_is_not_complete_is_refused(board: Board) -> None:
    new = board.new()
    (new / ".unfinished").touch()
    with pytest.raises(Refused, match="not a complete version"):
        board.trial.run(new)
    with pytest.raises(Refused, match="in use already"):
        board.trial.run(board.root / "current")
    assert (board.in_use, board.service.steps) == (OLD, [])


def test_a_full_disk_changes_nothing(board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_source: Path, target: Path) -> None:
        Path(target).write_text("half")
        raise OSError(28, "No space left on device")

    new = board.new()
    monkeypatch.setattr(shutil, "copyfile", full)
    with pytest.raises(Refused, match="No space left"):
        board.trial.run(new)
    assert (board.in_use, board.service.steps, board.is_consistent) == (OLD, [], True)
    assert sorted(path.suffix for path in board.units.iterdir()) == [".service", ".service"]


def test_a_disk_that_fills_up_later_leads_back(board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    new, switch = board.new(), Releases.switch

    def full(releases: Releases, release: Path) -> None:
        if release == new:
            raise OSError(28, "No space left on device")
        switch(releases, release)

    monkeypatch.setattr(Releases, "switch", full)
    verdict = board.trial.run(new)
    assert "No space left" in verdict.reason
    assert (board.in_use, board.service.runs, board.releases.on_trial) == (OLD, OLD, False)


def test_going_back_writes_no_unit_that_is_in_place(board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    new = board.release(NEW, "face-edge.service")
    shutil.copy(board.root / "releases" / OLD / "units" / "face-edge.service", new / "units")
    shutil.copy(board.root / "releases" / OLD / "units" / "face-edge-fault.service", new / "units")
    board.releases.begin_trial(board.root / "releases" / OLD)
    board.releases.switch(new)
    monkeypatch.delattr(shutil, "copyfile")
    board.trial.settle()
    assert (board.in_use, board.is_consistent) == (OLD, True)


def test_rollback_goes_to_the_version_before_and_can_be_undone(board: Board) -> None:
    board.trial.run(board.new())
    target = board.releases.previous
    assert target is not None
    assert board.trial.run(target, delete=False).healthy
    assert (board.in_use, board.is_consistent) == (OLD, True)
    assert board.releases.previous == board.root / "releases" / NEW


def test_a_rollback_whose_target_is_gone_has_nowhere_to_go(board: Board) -> None:
    board.trial.run(board.new())
    shutil.rmtree(board.root / "releases" / OLD)
    assert board.releases.previous is None


def test_without_a_link_the_version_before_is_the_newest_older_one(board: Board) -> None:
    board.release("20241231T000000", "face-edge.service")
    never_tried = board.new()
    assert board.releases.previous == board.root / "releases" / "20241231T000000"
    board.releases.tidy()
    assert not never_tried.exists()
    assert sorted(path.name for path in (board.root / "releases").iterdir()) == ["20241231T000000", OLD]


def test_tidy_keeps_what_a_trial_needs(board: Board) -> None:
    board.release("20241231T000000", "face-edge.service")
    board.releases.begin_trial(board.root / "releases" / OLD)
    board.releases.switch(board.new())
    board.releases.tidy()
    assert {OLD, NEW} <= {path.name for path in (board.root / "releases").iterdir()}


def test_the_guard_has_the_service_started_when_the_judge_was_killed(board: Board) -> None:
    board.trial.guard()
    assert board.service.steps == []
    board.releases.begin_trial(board.root / "releases" / OLD)
    with held(board.trial.lock) as is_held:
        assert is_held
        waiting = threading.Thread(target=board.trial.guard)
        waiting.start()
        waiting.join(0.3)
        assert board.service.steps == []
    waiting.join(60)
    assert board.service.steps == ["restart"]


def test_a_killed_holder_frees_the_lock(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    code = (
        "import sys, subprocess, pathlib\nfrom upgrade.trial import held\n"
        "with held(pathlib.Path(sys.argv[1])) as is_held:\n"
        "    subprocess.Popen(['sleep', '100'])\n    print(is_held, flush=True)\n    sys.stdin.read()\n"
    )
    environment = os.environ | {"PYTHONPATH": str(SYSTEMD), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-P", "-c", code, str(lock)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment, process_group=0
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "True\n"
        with held(lock) as is_held:
            assert not is_held
        holder.kill()
        holder.wait()
        with held(lock, timeout_s=30) as is_held:
            assert is_held
        os.killpg(holder.pid, 9)


def test_verdicts_say_why(board: Board) -> None:
    verdict: Verdict = board.trial.run(board.new())
    assert verdict.reason.startswith("processing usb:0")
