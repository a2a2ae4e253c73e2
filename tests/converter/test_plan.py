"""Teachers, answers and students from one file, and what such a file may not say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

for package in ("torch", "lightning", "torchmetrics", "matplotlib"):
    pytest.importorskip(package, reason=f"{package} is missing: pip install -e '.[converter]'")

from converter.cli import main
from converter.training import checkpoint, plan_file
from converter.training.recipe import Recipe

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.filterwarnings("ignore")  # other libraries' words about their own insides

RUN: dict[str, Any] = {"architecture": "plain:4/8,8/8", "batch_size": 16, "epochs": 1}
PLAN: dict[str, Any] = {
    "teachers": {"one": {**RUN, "seed": 3}, "two": {**RUN, "seed": 4, "mixup": 0.2}},
    "views": {"seed": 9, "count": 2},
    "students": {"student": {**RUN, "epochs": 2}},
}


@pytest.fixture
def write(tmp_path: Path) -> Callable[[Any], Path]:
    def write(content: Any) -> Path:
        path = tmp_path / "plan.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
        return path

    return write


def test_a_plan_is_carried_out_and_gone_on_with(
    write: Callable[[Any], Path], tiny_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "runs"
    command = ["plan", str(write(PLAN)), "--data", str(tiny_data), "--out", str(out), "--accelerator", "cpu"]
    assert main([*command, "--data-path", "resident"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(":")[0] for line in lines] == [
        *("one", "two"),
        *("one", "two", "soft vote", "soft vote, and mirrored"),
        "student",
    ]
    student = checkpoint.load(out / "student" / "last.ckpt")
    assert student.recipe == Recipe(
        **{**RUN, "epochs": 2}, class_weights=0.2, mixup=0.2, teachers=("one", "two"), distill_share=0.6
    )
    assert sorted(path.name for path in (out / "answers" / "two").glob("*.npy")) == ["view-000.npy", "view-001.npy"]
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*.npy")} | {
        path: path.stat().st_mtime_ns for path in out.rglob("last.ckpt")
    }
    (out / "answers" / "two" / "view-001.npy").unlink()
    assert main(command) == 0
    for path, written in before.items():
        assert path.stat().st_mtime_ns == written or path.name == "view-001.npy"


def with_(**parts: Any) -> dict[str, Any]:
    return {**PLAN, **parts}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "cannot be read as JSON"),
        ([], "the plan: expected an object, found []"),
        ({"teacher": {}}, "the plan: unknown key 'teacher': expected one of teachers, views, students"),
        (with_(teachers={}), "expected at least one teacher and no name twice, found student"),
        (with_(teachers=[]), "teachers: expected runs by name, found []"),
        (with_(students={"one": RUN}), "no name twice, found one, two, one"),
        (with_(teachers={"../one": RUN}), "teachers.../one: expected a folder name"),
        (with_(teachers={"answers": RUN}), "teachers.answers: expected a folder name"),
        (with_(teachers={"one": 5}), "teachers.one: expected an object, found 5"),
        (
            with_(teachers={"one": {"arch": "plain"}}),
            "teachers.one: unknown key 'arch': expected one of architecture, ",
        ),
        (with_(teachers={"one": {"seed": "x"}}), "teachers.one: seed: expected int, found 'x'"),
        (with_(teachers={"one": {"minutes": -1}}), "teachers.one: expected minutes above 0 and no epochs beside them"),
        (with_(students={"s": {**RUN, "minutes": 1}}), "students.s: expected minutes above 0 and no epochs"),
        (with_(views={"count": 0}), "views: expected a count from 1 and a seed, found 0 and 1"),
        (with_(views={"counts": 2}), "views: unknown key 'counts': expected one of count, seed"),
    ],
)
def test_what_no_plan_says_is_one_line(
    write: Callable[[Any], Path], tmp_path: Path, capsys: pytest.CaptureFixture[str], content: Any, message: str
) -> None:
    """Nothing is read or written before the whole file is understood."""
    out = tmp_path / "runs"
    assert main(["plan", str(write(content)), "--data", str(tmp_path / "none"), "--out", str(out)]) == 4
    error = capsys.readouterr().err
    assert message in error
    assert len(error.splitlines()) == 1
    assert not out.exists()


def test_the_plan_for_a_gpu_can_be_read() -> None:
    found = plan_file.read(Path(__file__).parents[2] / "docs" / "examples" / "plan-gpu.json")
    minutes = [part.minutes for part in (*found.teachers, *found.students)]
    assert all(minutes)
    assert sum(part or 0.0 for part in minutes) < 12, "answers and loading take the rest of 15"
    assert found.views.count == 64
