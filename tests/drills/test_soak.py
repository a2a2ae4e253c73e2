"""The soak: what it calls flat, and that a leak which was planted is found."""

from __future__ import annotations

import itertools
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from tests.drills.report import MessageMark
from tests.drills.soak import drill
from tests.drills.soak.device import FastClock
from tests.drills.soak.drill import CSV, PLOT, SoakOptions
from tests.drills.soak.heap import heap_mb, python_blocks
from tests.drills.soak.report import SoakFeed, SoakReport
from tests.drills.soak.sample import SampleTable, SoakSample, load
from tests.drills.soak.script import CYCLE
from tests.drills.soak.verdict import judge, slope
from tests.lab import lab

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PERIOD_S = 5.0
HOUR = 720
Change = Any


def flat(count: int = HOUR, seed: int = 1) -> list[SoakSample]:
    """Return the samples of a stable device: a periodic cycle, noise, and outliers."""
    chance = random.Random(seed)
    found = []
    for tick in range(count):
        phase = tick % CYCLE
        viewers = 4 < phase <= 8
        memory = 90 + (2.0 if viewers else 0.0) + chance.gauss(0, 0.3) + (15 if chance.random() < 0.02 else 0)
        found.append(
            SoakSample(
                t_s=tick * PERIOD_S,
                phase=phase,
                frames=400 * tick + chance.randrange(100),
                cpu_s=400 * tick * 0.0025 + chance.random() * 0.1,
                resident_mb=memory + 40,
                proportional_mb=memory + 10,
                private_mb=memory + 5,
                anonymous_mb=memory,
                heap_mb=memory - 40 + chance.gauss(0, 0.5),
                python_blocks=320_000 + chance.randrange(2000),
                descriptors=20 + viewers + (chance.random() < 0.1),
                threads=14,
                latency_p50_ms=1.5 + chance.random() * 0.3,
                latency_p95_ms=20 + chance.gauss(0, 5),
                latency_p99_ms=60.0,
                work_p50_ms=1.2 + chance.random() * 0.1,
                work_p95_ms=6 + chance.gauss(0, 0.5),
                work_p99_ms=None,
                detect_ms_p50=3.0,
                detect_ms_p95=9.0,
                infer_ms_p50=0.7,
                infer_ms_p95=None,
                queue=12 if phase in {16, 17, 18} else 0,
                outbox_mb=0.1,
                sessions_mb=0.001 * tick,
                log_lines=10,
                session=True,
                viewers=int(viewers),
                broker=phase not in {16, 17, 18},
                looking=phase != 21,
                pace_p50_ms=0.8 + chance.random() * 0.1,
                pace_mean_ms=2.0 + chance.random() * 0.2,
            )
        )
    return found


def changed(change: Callable[[SoakSample, int], dict[str, Any]], count: int = HOUR) -> list[str]:
    """Return the unstable figures after each sample is changed by a function of its number."""
    samples = [replace(each, **change(each, number)) for number, each in enumerate(flat(count))]
    return [finding.what for finding in judge(samples) if not finding.passed]


@pytest.mark.parametrize("seed", range(5))
def test_a_cycle_with_noise_and_outliers_is_flat(seed: int) -> None:
    findings = judge(flat(seed=seed))
    assert len(findings) == 14
    assert [finding.line() for finding in findings if not finding.passed] == []


@pytest.mark.parametrize(
    ("change", "what"),
    [
        # 2 MB in the hour, 8 MB where the heap's own steps are
        (lambda each, n: {"heap_mb": each.heap_mb + 2 * n / HOUR}, "heap in use"),
        (lambda each, n: {"python_blocks": each.python_blocks + 20 * n}, "Python blocks in use"),
        (lambda each, n: {"anonymous_mb": each.anonymous_mb + 8 * n / HOUR}, "anonymous memory"),
        (lambda each, n: {"resident_mb": each.resident_mb + 12 * n / HOUR}, "resident memory"),
        # all at once, late
        (lambda each, n: {"anonymous_mb": each.anonymous_mb + 7 * (n > HOUR * 0.75)}, "anonymous memory"),
        # one with each session of six cycles
        (lambda each, n: {"descriptors": each.descriptors + n // (6 * CYCLE)}, "file descriptors"),
        # one alone in the middle of the run
        (lambda each, n: {"descriptors": each.descriptors + (n > HOUR / 2)}, "file descriptors"),
        # with each visitor, where visitors are
        (lambda each, n: {"threads": each.threads + n // CYCLE}, "threads"),
        # in the end a quarter more for a frame than at first
        (lambda each, n: {"cpu_s": each.cpu_s * (1 + n / HOUR / 8)}, "processor time a frame"),
        (lambda each, n: {"work_p50_ms": each.work_p50_ms * (1 + n / HOUR / 4)}, "of the loop, p50"),
        (lambda each, n: {"work_p95_ms": each.work_p95_ms * (1 + n / HOUR / 4)}, "of the loop, p95"),
        (lambda each, n: {"latency_p50_ms": each.latency_p50_ms * (1 + 1.6 * n / HOUR)}, "latency p50, at its best"),
        (lambda each, n: {"latency_p95_ms": each.latency_p95_ms * (1 + 6 * n / HOUR)}, "latency p95, at its best"),
        (lambda _, n: {"queue": n // 10}, "messages waiting"),
    ],
)
def test_whatever_drifts_is_found_and_nothing_else(
    change: Callable[[SoakSample, int], dict[str, Any]], what: str
) -> None:
    assert changed(change) == [what]


def test_what_is_used_up_in_the_warm_up_is_forgiven() -> None:
    assert changed(lambda each, n: {"anonymous_mb": each.anonymous_mb - 30 * max(0.0, 0.1 - n / HOUR)}) == []


def test_a_machine_that_is_busy_for_a_while_does_not_count() -> None:
    assert changed(lambda each, n: {"latency_p95_ms": (each.latency_p95_ms or 0) * (1 + 9 * (n % 5 and n > 600))}) == []


def test_a_machine_that_is_slower_for_a_while_does_not_count_and_hides_nothing() -> None:
    def slower(each: SoakSample, n: int, share: float) -> dict[str, Any]:
        factor = 1 + share * (n > 600)
        frames_s = 400 * (each.cpu_s / max(each.frames, 1))
        names = ("work_p50_ms", "work_p95_ms", "pace_p50_ms", "pace_mean_ms")
        return {name: getattr(each, name) * factor for name in names} | {
            "cpu_s": each.cpu_s + frames_s * max(0, n - 600) * share
        }

    assert changed(lambda each, n: slower(each, n, 0.3)) == []
    assert changed(lambda each, n: slower(each, n, 0.3) | {"pace_p50_ms": None, "pace_mean_ms": None}) == [
        "processor time a frame",
        "of the loop, p50",
        "of the loop, p95",
    ]
    # a machine that is faster in the end than at first hides none of a device that is slower
    assert changed(lambda each, n: {"pace_mean_ms": (each.pace_mean_ms or 0) * (1 - 0.2 * (n > 600))}) == [
        "processor time a frame",
        "of the loop, p95",
    ]


def test_a_device_that_gets_better_is_not_blamed() -> None:
    assert changed(lambda each, n: {"anonymous_mb": each.anonymous_mb - n / 60, "descriptors": 20 - n // 100}) == []


@given(
    per_hour=st.floats(-100, 100),
    levels=st.lists(st.floats(0, 1000), min_size=3, max_size=3),
    count=st.integers(4, 60),
)
def test_the_slope_does_not_see_the_cycle(per_hour: float, levels: list[float], count: int) -> None:
    times = [float(number) for number in range(count)]
    values = [levels[number % 3] + per_hour * number for number in range(count)]
    expected = per_hour if count > 3 else 0.0
    assert slope(times, values, [number % 3 for number in range(count)]) == pytest.approx(expected, abs=1e-6)


def test_the_slope_stands_wild_samples() -> None:
    values: list[float | None] = [2.0 * number for number in range(100)]
    for number in range(0, 100, 4):
        values[number] = 1e6 if number % 8 else None
    assert slope([float(number) for number in range(100)], values, [0] * 100) == pytest.approx(2.0, rel=0.05)


def soak(count: int = HOUR, **changes: Any) -> SoakReport:
    found = SoakReport(
        asked_s=3600.0,
        seconds=3612.3,
        samples=count,
        frames=288_000,
        device_s=19_200,
        done={"markers": 720, "sessions": 30},
        feed=SoakFeed(messages=2000, repeated=3, missing=0, out_of_order=0, lost=0),
        findings=judge(flat(count)),
        faults=(),
    )
    return replace(found, **changes)


def test_the_report_says_how_it_went() -> None:
    lines = soak().lines()
    assert lines[:4] == [
        "drill soak, 3612 s:",
        "device     5.3 hours of its life, 288,000 frames",
        "meanwhile  720 markers, 30 sessions",
        "feed       2,000 messages in order, 3 of them repeated",
    ]
    assert lines[-1] == "flat"
    assert any(line.startswith("anonymous memory") and "MB" in line for line in lines)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"findings": (), "samples": 30}, "30 samples are too few for a verdict"),
        ({"faults": ("it burns",)}, "it burns"),
        ({"feed": SoakFeed(10, 0, missing=2, out_of_order=0, lost=0)}, "2 numbers are missing"),
        ({"feed": SoakFeed(10, 0, missing=0, out_of_order=1, lost=0)}, "1 messages came out of order"),
        ({"feed": SoakFeed(10, 0, missing=0, out_of_order=0, lost=4)}, "4 answered markers were lost"),
    ],
)
def test_what_fails_it_is_said(changes: dict[str, Any], words: str) -> None:
    found = soak(**changes)
    assert not found.passed
    assert found.lines()[found.lines().index("FAILED") + 1].startswith(f"- {words}")
    assert json.loads(json.dumps(found.as_dict()))["passed"] is False


def test_a_short_run_has_no_verdict() -> None:
    assert judge(flat(40)) == ()
    assert judge(flat(50))


def event(seq: int, stream: str = "event") -> MessageMark:
    return MessageMark(stream, seq, f"{stream}{seq}")


@pytest.mark.parametrize(
    ("received", "expected"),
    [
        ([event(0), event(0, "aggregate"), event(1), event(2)], SoakFeed(4, 0, 0, 0, 0)),
        ([event(0), event(1), event(0), event(1), event(2)], SoakFeed(3, 2, 0, 0, 0)),
        ([event(1), event(2)], SoakFeed(2, 0, missing=1, out_of_order=0, lost=0)),
        ([event(0), event(2), event(1)], SoakFeed(3, 0, missing=0, out_of_order=1, lost=0)),
        ([event(0), event(1)], SoakFeed(2, 0, missing=0, out_of_order=0, lost=1)),
    ],
)
def test_the_feed_is_held_against_its_numbers_and_what_was_answered(
    received: list[MessageMark], expected: SoakFeed
) -> None:
    assert SoakFeed.of(received, ["event2"] if expected.lost or len(received) > 2 else []) == expected


def test_samples_come_back_from_their_table(tmp_path: Path) -> None:
    samples = flat(30)
    samples[3] = replace(samples[3], queue=None, latency_p99_ms=None)
    table = SampleTable(tmp_path / CSV)
    for each in samples:
        table.add(each)
    assert load(tmp_path / CSV) == samples


def test_the_plot_is_a_picture(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="the extra `reports` is not installed")
    from tests.drills.soak.plot import draw

    draw(flat(60), tmp_path / PLOT)
    assert (tmp_path / PLOT).read_bytes().startswith(b"\x89PNG")


def test_the_quick_clock_never_goes_back_and_is_ahead_by_what_frames_gain() -> None:
    clock = FastClock()
    begun_ns = time.monotonic_ns()
    times = list(itertools.accumulate(range(10), lambda last, _: clock.reach(last + 10**9), initial=begun_ns))
    assert all(now - before == 10**9 for before, now in itertools.pairwise(times[1:]))
    assert clock.reach(0) >= times[-1]
    assert clock.reach(0) - begun_ns < 10e9 + (time.monotonic_ns() - begun_ns)


def test_what_is_in_use_is_known_by_the_block() -> None:
    if heap_mb() is None:
        pytest.skip("another C library than glibc")
    before_mb, blocks = heap_mb() or 0.0, python_blocks()
    asked = [bytearray(1_000_000) for _ in range(20)]
    held_mb, kept = heap_mb() or 0.0, [object() for _ in range(1000)]
    assert held_mb - before_mb == pytest.approx(20, abs=2)
    assert python_blocks() - blocks >= len(kept)
    asked.clear()
    assert (heap_mb() or 0.0) - before_mb == pytest.approx(0, abs=2)


@pytest.fixture
def installed() -> None:
    pytest.importorskip("ai_edge_litert", reason="no inference runtime")
    pytest.importorskip("uvicorn", reason="the extra `kiosk` is not installed")
    if not shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin:/usr/bin"):
        pytest.skip("mosquitto is not installed: apt install mosquitto")


@pytest.fixture
def patient() -> None:
    if not os.environ.get("EDGE_TEST_SLOW"):
        pytest.skip("slow: set EDGE_TEST_SLOW to run it")


def test_a_device_is_watched_through_a_cycle(installed: None, tmp_path: Path) -> None:
    del installed
    shown: list[float] = []
    output = tmp_path / "kept"

    def enough(t_s: float) -> None:
        """Run for slightly more than a cycle, however long a sample takes."""
        shown.append(t_s)
        if len(shown) > CYCLE + 4:
            raise KeyboardInterrupt

    found = drill.run(tmp_path, SoakOptions(300.0, 0.25, output), progress=enough)
    assert found.faults == ()
    assert found.feed.faults == []
    assert found.feed.messages > found.done["markers"] > CYCLE
    assert (
        min(found.done[deed] for deed in ("sessions", "viewers", "updates", "outages", "unplugs", "pauses", "scrapes"))
        >= 1
    )
    assert shown == sorted(shown)
    samples = load(output / CSV)
    assert len(samples) == found.samples == len(shown)
    last = samples[-1]
    assert last.frames == found.frames > 0
    assert 0 < last.anonymous_mb < last.resident_mb
    assert last.private_mb < last.proportional_mb < last.resident_mb
    assert last.latency_p50_ms is not None
    assert 0 < last.latency_p50_ms <= (last.latency_p99_ms or 0)
    assert last.descriptors > 5
    assert last.sessions_mb > 0
    assert {each.broker for each in samples} == {each.looking for each in samples} == {True, False}
    assert found.findings == ()  # for a verdict it takes more


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("leak", "what"), [("memory", "anonymous memory"), ("descriptors", "file descriptors")])
def test_a_planted_leak_is_found(installed: None, patient: None, tmp_path: Path, leak: str, what: str) -> None:
    del installed, patient
    result = CliRunner().invoke(
        lab,
        ["drill", "soak", "--seconds", "60", "--sample", "0.5", "--leak", leak, "--json", "--output", str(tmp_path)],
    )
    assert result.exit_code == 1
    found = json.loads(result.output)
    assert f"{what}: not flat" in found["failures"]
    assert (tmp_path / CSV).exists()


@pytest.mark.timeout(300)
def test_an_interrupt_ends_it_with_a_verdict(
    installed: None, patient: None, tmp_path: Path, eventually: Callable[..., Any]
) -> None:
    del installed, patient
    table = tmp_path / CSV
    command = [
        sys.executable,
        "-m",
        "tests.lab",
        "drill",
        "soak",
        "--sample",
        "0.2",
        "--json",
        "--output",
        str(tmp_path),
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        assert eventually(lambda: table.exists() and table.read_text().count("\n") > 60, 200)
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does: everyone in the foreground hears it
        text, _ = process.communicate(timeout=60)
    found = json.loads(text)
    assert found["samples"] >= 60
    assert found["findings"]
    assert found["faults"] == []
    assert found["feed"]["lost"] == found["feed"]["missing"] == 0


def test_the_command_hands_its_settings_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked: list[SoakOptions] = []

    def run(_folder: Path, setting: SoakOptions, **_: Any) -> SoakReport:
        asked.append(setting)
        return soak()

    monkeypatch.setattr(drill, "run", run)
    words = ["drill", "soak", "--seconds", "90", "--sample", "1", "--output", str(tmp_path), "--leak", "memory"]
    assert CliRunner().invoke(lab, words).exit_code == 0
    assert CliRunner().invoke(lab, ["drill", "soak"]).exit_code == 0
    assert asked == [SoakOptions(90.0, 1.0, tmp_path, "memory"), SoakOptions(3600.0, 5.0, None, None)]
