"""The control group: found where the kernel has one, in either version, and refused in one line where not."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from edge.core.errors import HardwareUnavailable
from tests.drills.memory_group import MemoryGroup

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MIB = 1 << 20


class Tree:
    """Folders and files as the kernel shows them; ``inside`` is what a new group has."""

    def __init__(self, root: Path, own: str, inside: dict[str, str]) -> None:
        self.root, self.own, self.inside = root / "cgroup", root / "own", inside
        self.root.mkdir()
        self.own.write_text(own, encoding="ascii")

    def hand_on(self, group: str, controllers: str) -> Path:
        folder = self.root / group
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "cgroup.subtree_control").write_text(controllers, encoding="ascii")
        return folder

    def filled(self, parent: Path) -> Iterator[Path]:
        for group in parent.glob("face-edge-drill-*"):
            for name, text in self.inside.items():
                (group / name).write_text(text, encoding="ascii")
            yield group
            for name in self.inside:
                (group / name).unlink()


@pytest.fixture
def second(tmp_path: Path) -> Tree:
    files = {"memory.max": "max", "memory.swap.max": "max", "memory.current": "123"}
    files |= {"memory.events": "low 0\noom 3\noom_kill 2\n"}
    return Tree(tmp_path, "0::/user.slice/session-1.scope\n", files)


@pytest.fixture
def first(tmp_path: Path) -> Tree:
    files = {"memory.limit_in_bytes": "9", "memory.usage_in_bytes": "77"}
    files |= {"memory.oom_control": "under_oom 0\noom_kill 1\n"}
    tree = Tree(tmp_path, "4:memory:/box\n0::/\n", files)
    (tree.root / "memory" / "box").mkdir(parents=True)
    (tree.root / "memory" / "memory.limit_in_bytes").write_text("9", encoding="ascii")
    return tree


def test_version_2_goes_where_the_controller_is_handed_on(second: Tree) -> None:
    second.hand_on(".", "cpu memory pids")
    parent = second.hand_on("user.slice", "memory pids")
    second.hand_on("user.slice/session-1.scope", "")
    with MemoryGroup(second.root, second.own) as group:
        for path in second.filled(parent):
            assert group.kind == "cgroup v2"
            assert group.within[-1] == str(path / "cgroup.procs")
            assert (group.used, group.kills) == (123, 2)
            group.limit(100 * MIB)
            assert (path / "memory.max").read_text(encoding="ascii") == str(100 * MIB)
            assert (path / "memory.swap.max").read_text(encoding="ascii") == "0"
            group.limit(None)
            assert (path / "memory.max").read_text(encoding="ascii") == "max"
    assert not list(parent.glob("face-edge-drill-*"))


def test_version_1_stays_within_the_own_group(first: Tree) -> None:
    with MemoryGroup(first.root, first.own) as group:
        for path in first.filled(first.root / "memory" / "box"):
            assert group.kind == "cgroup v1"
            assert (group.used, group.kills) == (77, 1)
            group.limit(MIB)
            assert (path / "memory.limit_in_bytes").read_text(encoding="ascii") == str(MIB)
            group.limit(None)
            assert (path / "memory.limit_in_bytes").read_text(encoding="ascii") == "-1"
    assert not list((first.root / "memory" / "box").glob("face-edge-drill-*"))


def test_without_a_controller_it_is_one_line(tmp_path: Path) -> None:
    tree = Tree(tmp_path, "0::/\n", {})
    tree.hand_on(".", "cpu pids")
    with pytest.raises(HardwareUnavailable, match=r"there is no memory controller.*cgroup_enable=memory") as raised:
        MemoryGroup(tree.root, tree.own).__enter__()
    assert "\n" not in str(raised.value)


def test_the_kernel_kills_in_it_and_nowhere_else() -> None:
    eat = "import time; kept = [b'x' * (1 << 20) for _ in range(256)]; time.sleep(60)"
    try:
        with MemoryGroup() as group:
            group.limit(32 * MIB)
            done = subprocess.run([*group.within, sys.executable, "-c", eat], check=False, timeout=50)
            assert (done.returncode, group.kills) == (-9, 1)
            group.limit(None)
    except (HardwareUnavailable, PermissionError) as refusal:
        pytest.skip(str(refusal))
