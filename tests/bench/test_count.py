"""Counting instructions: what meters write is read right, and callgrind hears the marks."""

from __future__ import annotations

import json
import platform
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from edge import config as configuration
from edge.bench.measure import STAGES
from edge.bench.reel import Reel
from edge.core.errors import EdgeError, HardwareUnavailable
from edge.core.stage_timer import StageTimer
from edge.core.types import Frame
from edge.pipelines import factory
from tests.bench import count, counted
from tests.bench.counts import Differences, InstructionTally, differences, frame_counts, of_callgrind, of_plugin
from tests.bench.marks import Marks, a64_marks
from tests.bench.plot import _COLOURS

PLUGIN = Path(__file__).parents[1] / "service" / "count_stages.c"
X86_64 = pytest.mark.skipif(platform.machine() != "x86_64", reason="callgrind hears the marks of x86-64 alone")
COUNTING = """
from tests.bench.marks import Marks
marks = Marks(["few", "many"])
sum(range(1_000_000))
marks.begin()
sum(range(1_000))
marks.mark("few")
sum(range(100_000))
marks.mark("many")
"""


class Recorder:
    """Marks that only remember."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def begin(self) -> None:
        self.told.append("begin")

    def mark(self, name: str) -> None:
        self.told.append(name)


def dump(folder: Path, number: int, reason: str, total: int) -> Path:
    path = folder / f"out.{number}"
    path.write_text(f"# callgrind format\ndesc: Trigger: {reason}\n\nevents: Ir\nfn=(1) f\n0 7\n\ntotals: {total}\n")
    return path


def face(*box: float, emotion: str | None = "happy") -> dict[str, Any]:
    return {"box": list(box), "emotion": emotion}


def test_dumps_are_summed_by_the_mark_that_made_them(tmp_path: Path) -> None:
    files = [
        dump(tmp_path, 1, "Client Request: detect", 100),
        dump(tmp_path, 2, "Client Request: obvious detect", 7),
        dump(tmp_path, 3, "Client Request: detect", 50),
        dump(tmp_path, 4, "Program termination", 99),
    ]
    assert of_callgrind(files) == {"detect": InstructionTally(2, 150), "obvious detect": InstructionTally(1, 7)}


def test_the_plugins_lines_are_read() -> None:
    assert of_plugin("0 30 900 10\n2 1 5 0\n", ["convert", "detect", "track"]) == {
        "convert": InstructionTally(30, 900, 10),
        "track": InstructionTally(1, 5, 0),
    }


def test_a_frame_is_the_sum_of_its_stages_without_the_marks_own_work() -> None:
    counted_ = frame_counts({
        "convert": InstructionTally(10, 10_100),
        "classify": InstructionTally(5, 50_050),
        "between": InstructionTally(15, 1_500),
        "empty": InstructionTally(20, 200), "outside": InstructionTally(1, 10**9),
        "obvious detect": InstructionTally(2, 400_020), "obvious classify": InstructionTally(2, 20),
    })  # fmt: skip
    assert counted_.stages["convert"].each == 1000
    assert counted_.stages["classify"].each == 10_000
    assert counted_.ours == 1000 + 10_000 * 5 / 10 + 90 * 15 / 10
    assert counted_.obvious == 200_000
    assert set(counted_.stages) == {"convert", "classify", "between", "obvious detect", "obvious classify"}


def test_a_program_that_came_to_no_frame_is_an_error() -> None:
    with pytest.raises(EdgeError, match="no stage was counted"):
        frame_counts({"outside": InstructionTally(1, 5)})


def test_two_machines_differ_by_what_one_alone_sees_and_by_labels() -> None:
    one = {"ours": [[face(0, 0, 10, 10)], [face(0, 0, 10, 10), face(50, 0, 10, 10)], []]}
    other = {"ours": [[face(1, 0, 10, 10)], [face(50, 0, 10, 10, emotion="sad")], []]}
    assert differences(one, one) == Differences(3, 0, 3, 3, 3, 0.0)
    assert differences(one, other) == Differences(3, 1, 3, 2, 1, 1.0)
    assert differences(other, one).frames_that_differ == 1  # a face too many is a difference, too
    assert differences({"ours": [[]]}, {"ours": [[face(0, 0, 9, 9)]]}).frames_that_differ == 1


def test_laps_mark_what_lies_between_them_and_then_themselves() -> None:
    marks: Any = Recorder()
    timer: StageTimer = counted.MarkedStageTimer(marks)
    for _ in range(2):
        timer.begin()
        with timer("convert"):
            pass
    assert marks.told == ["begin", "outside", "between", "convert", "between", "between", "convert"]
    assert timer.spent_ns == {"convert": 0}


def test_every_stage_of_the_pipeline_has_a_mark_and_a_colour() -> None:
    timer = StageTimer()
    config = configuration.load(environment={})
    seeing = factory.pipeline_of(config, factory.classifier(config), still=False, seed=1, timer=timer)
    stages: set[str] = set()
    for index in range(3):
        seeing.step(Frame(count.SCENE.frame(index), index * 33_000_000, index))
        stages |= set(timer.spent_ns)
    assert {"follow", "detect", "track", "classify"} <= stages <= set(STAGES)
    assert len(_COLOURS) == len(STAGES)


def test_the_obvious_loops_clock_marks_its_two_stages(tmp_path: Path) -> None:
    marks: Any = Recorder()
    reel = Reel.record(map(count.SCENE.frame, range(2)), tmp_path, fps=30.0, count=2)
    turns = counted._obvious(counted._config(str(tmp_path), ()), reel, 2, marks)
    assert marks.told == ["outside", "obvious detect", "obvious classify"] * 2
    assert [len(turn.sights) for turn in turns] == [1, 1]


def test_the_counted_program_says_what_both_loops_saw(tmp_path: Path) -> None:
    done = CliRunner().invoke(counted.counted, [str(count.drawn(tmp_path, 4)), "--obvious", "1"])
    assert done.exit_code == 0, done.output
    seen = json.loads(done.output.splitlines()[-1])
    assert [len(faces) for faces in seen["ours"]][1:] == [1, 1, 1]  # in the first frame, too, if it is sure enough
    assert seen["ours"][-1][0]["emotion"] == seen["obvious"][0][0]["emotion"] == "happy"


def test_marks_do_nothing_where_nobody_counts() -> None:
    marks = Marks(["one", "two"])
    marks.begin()
    marks.mark("one")
    marks.mark("two")


def test_marks_are_known_for_two_kinds_of_processor() -> None:
    with pytest.raises(HardwareUnavailable, match="riscv64"):
        Marks(["one"], machine="riscv64")


def test_a64_marks_carry_their_place() -> None:
    code = a64_marks(3)
    words = [int.from_bytes(code[at : at + 4], "little") for at in range(0, len(code), 4)]
    assert words[1::2] == [0xD65F03C0] * 3  # ret
    assert [(word & 0xFFE0001F, word >> 5 & 0xFFFF) for word in words[::2]] == [(0xD280001F, n) for n in range(3)]


@X86_64
@pytest.mark.skipif(shutil.which("valgrind") is None, reason="valgrind counts the instructions")
def test_callgrind_counts_what_lies_between_two_marks(tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = [*count._CALLGRIND, f"--callgrind-out-file={out}", sys.executable, "-c", COUNTING]
    subprocess.run(command, check=True, timeout=120, capture_output=True)
    found = of_callgrind(tmp_path.glob("out.*"))
    assert {name: tally.times for name, tally in found.items()} == {"few": 1, "many": 1}
    assert 500_000 < found["many"].instructions < 20_000_000
    assert found["many"].instructions > 20 * found["few"].instructions


@X86_64
@pytest.mark.skipif(shutil.which("valgrind") is None, reason="valgrind counts the instructions")
def test_both_loops_are_counted() -> None:
    found = frame_counts(count.under_callgrind(3, 1, ()))
    assert [found.stages[name].times for name in ("convert", "detect", "classify", "obvious detect")] == [3, 3, 1, 1]
    assert found.stages["obvious detect"].each > 5e7
    assert 1e6 < found.ours < found.obvious


@X86_64
def test_without_valgrind_the_message_has_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(HardwareUnavailable, match="apt-get install valgrind"):
        count.under_callgrind(2, 1, ())


def test_on_arm64_another_meter_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    with pytest.raises(HardwareUnavailable, match=r"count\.sh"):
        count.under_callgrind(2, 1, ())


def test_counts_of_another_machine_are_shown(tmp_path: Path) -> None:
    places = {name: place for place, name in enumerate(counted.NAMES)}
    lines = [("convert", 10, 30_000_000, 3_000_000), ("obvious detect", 1, 206_000_000, 0), ("empty", 20, 200, 0)]
    path = tmp_path / "counts.txt"
    path.write_text("".join(f"{places[name]} {times} {all_} {vector}\n" for name, times, all_, vector in lines))
    done = CliRunner().invoke(count.count, ["--counts", str(path)])
    assert done.exit_code == 0, done.output
    assert "10 %" in done.output
    assert "ours 3.00, obvious 206.0 million a frame: a ratio of 68.7" in done.output


@pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc compiles QEMU's plug-in")
def test_the_plugin_compiles_without_a_warning(tmp_path: Path) -> None:
    command = ["gcc", "-shared", "-fPIC", "-O2", "-Wall", "-Wextra", "-Werror", "-o", str(tmp_path / "p.so")]
    subprocess.run([*command, str(PLUGIN)], check=True, timeout=60)
