"""Readings of boards that are laid out as files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from edge.system import board

if TYPE_CHECKING:
    from pathlib import Path

MB = 1_000_000


def put(root: Path, path: str, text: str) -> None:
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def test_nothing_there_is_no_reading(tmp_path: Path) -> None:
    assert board.read(tmp_path) == board.BoardReadings()


def test_nonsense_is_no_reading(tmp_path: Path) -> None:
    for path in (
        "sys/class/thermal/thermal_zone0/temp",
        "sys/devices/platform/soc/soc:firmware/get_throttled",
        "proc/meminfo",
        "proc/pressure/memory",
        "proc/self/cgroup",
    ):
        put(tmp_path, path, "full what\n\nnonsense: ??\n0::/../..\n")
    assert board.read(tmp_path) == board.BoardReadings()


def test_a_pi_is_read(tmp_path: Path) -> None:
    put(tmp_path, "sys/class/thermal/thermal_zone0/temp", "81234\n")
    put(tmp_path, "sys/devices/platform/soc/soc:firmware/get_throttled", "e0008\n")
    put(tmp_path, "proc/meminfo", "MemTotal:  1000 kB\nMemFree: 1 kB\nMemAvailable:  400 kB\nHugePages_Total: 0\n")
    put(tmp_path, "proc/pressure/memory", "some avg10=9.00 avg60=1 total=1\nfull avg10=2.50 avg60=0.00 total=0\n")
    readings = board.read(tmp_path)
    assert readings == board.BoardReadings(81.2, 8, board.MemoryInfo(1_024_000, 409_600), None, 2.5)
    assert not readings.slowed_by_heat, "the soft limit alone is none"


@pytest.mark.parametrize(("bits", "slowed"), [(0, False), (0b0100, True), (0b0101, False), (0b0010, False)])
def test_a_weak_supply_is_no_heat(bits: int, slowed: bool) -> None:
    assert board.BoardReadings(throttled=bits).slowed_by_heat is slowed


def test_the_tightest_limit_on_the_way_up_counts_without_what_can_be_dropped(tmp_path: Path) -> None:
    top = "sys/fs/cgroup"
    put(tmp_path, "proc/self/cgroup", "0::/system.slice/face-edge.service\n")
    put(tmp_path, f"{top}/system.slice/face-edge.service/memory.max", "max\n")
    put(tmp_path, f"{top}/system.slice/face-edge.service/memory.current", str(80 * MB))
    assert board.service_memory(tmp_path) is None
    put(tmp_path, f"{top}/system.slice/face-edge.service/memory.max", str(100 * MB))
    assert board.service_memory(tmp_path) == board.MemoryInfo(100 * MB, 20 * MB)
    put(tmp_path, f"{top}/system.slice/face-edge.service/memory.stat", f"anon 1\ninactive_file {30 * MB}\n")
    assert board.service_memory(tmp_path) == board.MemoryInfo(100 * MB, 50 * MB)
    put(tmp_path, f"{top}/system.slice/memory.max", str(200 * MB))
    put(tmp_path, f"{top}/system.slice/memory.current", str(190 * MB))
    assert board.service_memory(tmp_path) == board.MemoryInfo(200 * MB, 10 * MB)


def test_more_used_than_allowed_is_nothing_left(tmp_path: Path) -> None:
    put(tmp_path, "proc/self/cgroup", "1:name=systemd:/x\n0::/\n")
    put(tmp_path, "sys/fs/cgroup/memory.max", "100")
    put(tmp_path, "sys/fs/cgroup/memory.current", "150")
    assert board.service_memory(tmp_path) == board.MemoryInfo(100, 0)


def test_this_machine_can_be_read() -> None:
    readings = board.read()
    assert readings.memory is not None
    assert 0 < readings.memory.available <= readings.memory.total
