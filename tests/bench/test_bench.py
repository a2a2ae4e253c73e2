"""The command as a person uses it, short; what it says is true, how fast it is depends on the machine."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from edge.bench import child, reference
from edge.bench.energy import EnergyMeter, power_of
from edge.bench.measure import STAGES, Loop, Stage, Throughput, appliance
from edge.bench.report import Report
from edge.cli.app import cli
from edge.core.errors import EdgeError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SHORT = ("bench", "--seconds", "1", "--faces", "1", "--width", "320", "--height", "240")


def run(*arguments: str) -> Any:
    return CliRunner().invoke(cli, arguments)


def report(fps: float = 500.0, obvious: float | None = 20.0) -> Report:
    stage = Stage("detect", 0.1, 2.0, 3.0, 0.5)
    loop = None if obvious is None else Loop(obvious, 1.5)
    return Report("a board", "a clip", "m", "haar", Throughput(300, Loop(fps, 30 / fps), (stage,), None, loop))


def test_both_loops_see_the_same_faces_and_ours_is_faster() -> None:
    done = run(*SHORT, "--faces", "1-2", "--seconds", "2", "--baseline", "--json")
    assert done.exit_code == 0, done.output
    found = json.loads(done.output)["throughput"]
    assert found["frames"] == 60
    assert found["ours"]["fps"] > 0
    assert found["cpu_ratio"] > 2
    assert found["agreement"]["faces"] >= 60
    assert found["agreement"]["recall"] > 0.9
    assert found["agreement"]["labels"] > 0.9
    assert [stage["name"] for stage in found["stages"]] == list(STAGES)
    assert all(stage["p50"] <= stage["p95"] <= stage["p99"] for stage in found["stages"])
    assert sum(stage["mean"] for stage in found["stages"]) * found["ours"]["fps"] < 1050


def test_for_people_and_as_a_row() -> None:
    done = run(*SHORT)
    assert done.exit_code == 0, done.output
    assert "drawn 320 x 240, 1 faces, lively, bright; gdconv-117m-int8, haar" in done.output
    assert "our loop" in done.output
    assert "obvious" not in done.output
    row = run(*SHORT, "--row").output
    assert row.count("|") == 10


def test_a_clip_of_one_s_own(make_clip: Callable[..., Path]) -> None:
    done = run("bench", str(make_clip(frames=12)))
    assert done.exit_code == 0, done.output
    assert done.output.startswith("clip")


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("--faces", "5-1"), 2, "is no number of people"),
        (("--faces", "many"), 2, "expected such as 3 or 1-5"),
        (("--update",), 2, "--update needs --reference FILE"),
        (("none.mp4",), 1, "none.mp4"),
        (("--looks", "nowhere"), 1, "no pictures of faces"),
    ],
)
def test_wrong_usage_gets_a_line(arguments: tuple[str, ...], code: int, says: str) -> None:
    done = run("bench", *arguments)
    assert done.exit_code == code or isinstance(done.exception, EdgeError)
    assert says in done.output or says in str(done.exception)


def test_the_reference_is_written_and_a_slower_loop_found(tmp_path: Path) -> None:
    file = tmp_path / "machines.csv"
    assert run(*SHORT, "--reference", str(file), "--update").exit_code == 0
    (row,) = reference.read(file)
    assert row["clip"].startswith("drawn 320 x 240")
    assert float(row["fps"]) > 0
    row["fps"] = "1e9"
    reference.write(file, [], row)
    done = run(*SHORT, "--reference", str(file))
    assert done.exit_code == 1
    assert "against version" in done.output


def test_ratios_are_compared_where_both_runs_have_them() -> None:
    old = reference.row(report(500.0), date="2026-01-01")
    slow_machine = reference.row(report(100.0, 4.0), date="2026-01-02") | {"cpu_ratio": old["cpu_ratio"]}
    lines, slower = reference.against([old], slow_machine)
    assert not slower
    assert any("fps" in line and "-80 %" in line for line in lines)
    worse = slow_machine | {"cpu_ratio": "10"}
    assert reference.against([old], worse)[1]
    assert not reference.against([], worse)[1]
    assert reference.against([], worse)[0][0].endswith("--update adds it")


def test_another_machine_s_row_stays_and_one_s_own_is_replaced(tmp_path: Path) -> None:
    file = tmp_path / "machines.csv"
    mine, other = (reference.row(report(), date="d") | {"machine": name} for name in ("mine", "other"))
    reference.write(file, [mine, other], mine | {"fps": "7"})
    assert {row["machine"]: row["fps"] for row in reference.read(file)} == {"other": "500", "mine": "7"}
    file.write_text("a,b\n1,2\n")
    with pytest.raises(EdgeError, match="is no file of reference figures"):
        reference.read(file)


def test_a_machine_s_name(tmp_path: Path) -> None:
    (tmp_path / "proc/device-tree").mkdir(parents=True)
    (tmp_path / "proc/device-tree/model").write_bytes(b"Raspberry Pi 5 Model B Rev 1.0\0")
    assert reference.machine(tmp_path).startswith("Raspberry Pi 5 Model B Rev 1.0, ")


def test_memory_without_the_clip(tmp_path: Path) -> None:
    smaps = tmp_path / "smaps"
    smaps.write_text(
        "7f00-7f01 r--s 00000000 00:1 1 /tmp/reel.raw\nSize: 9 kB\nRss:  4000 kB\n"
        "7f02-7f03 rw-p 00000000 00:0 0\nRss:  1000 kB\nPss: 1 kB\n"
    )
    assert child.resident_mb("reel.raw", smaps) == pytest.approx(1.024)
    assert child.resident_mb("", smaps) == pytest.approx(5.12)


def test_a_device_in_a_room_of_its_own() -> None:
    room = {"least": 1, "most": 1, "seconds": 1.0, "fps": 15.0, "width": 320, "height": 240}
    found = child.measure(room, {"mqtt.broker": "off"}, 2.0)
    assert 0 < found.cpu_share < 2
    assert 30 < found.memory_mb < 400
    assert found.frames_per_s > 2
    with pytest.raises(EdgeError, match=r"measured failed: .*"):
        child.measure(room, {"model.path": "nowhere.tflite"}, 1.0)


def test_a_whole_device_is_measured_with_its_feed(tmp_path: Path) -> None:
    shares: list[float] = []
    found = appliance(tmp_path, {}, seconds=1.0, progress=shares.append)
    assert 0 < found.startup.message_s <= found.startup.event_s < 60
    assert found.idle.frames_per_s < 15  # it rests
    assert found.feed == (shutil.which("mosquitto", path="/usr/sbin:/usr/bin:/usr/local/sbin") is not None)
    told = Report("m", "c", "n", "haar", report().throughput, found)
    assert "first event" in "\n".join(told.lines())
    assert json.loads(json.dumps(told.as_dict()))["appliance"]["idle"]["frames_per_s"] == found.idle.frames_per_s
    assert shares == sorted(shares)


def test_energy_from_rapl_also_over_its_wrap(tmp_path: Path) -> None:
    zone = tmp_path / "sys/class/powercap/intel-rapl:0"
    zone.mkdir(parents=True)
    (zone / "energy_uj").write_text("900")
    (zone / "max_energy_range_uj").write_text("1000")
    with EnergyMeter(tmp_path) as meter:
        (zone / "energy_uj").write_text("2500")
    assert meter.joules == pytest.approx(0.0016)
    (zone / "energy_uj").write_text("900")
    with EnergyMeter(tmp_path) as meter:
        (zone / "energy_uj").write_text("100")
    assert meter.joules == pytest.approx(0.0002)
    with EnergyMeter(tmp_path / "nothing") as meter:
        pass
    assert meter.joules is None


def test_a_pi_5_s_own_meter_multiplies_and_sums() -> None:
    told = (
        " 3V7_WL_SW_A current(0)=0.10000000A\n   3V7_WL_SW_V volt(8)=3.70000000V\n"
        "VDD_CORE_A current(7)=2.0A\nVDD_CORE_V volt(15)=0.9V\n EXT5V_V volt(24)=5.1V\n"
    )
    assert power_of(told) == pytest.approx(0.37 + 1.8)
    assert power_of("") is None
