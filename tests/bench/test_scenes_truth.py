"""The folder of marked pictures: what is read from it, which boxes are the same face, and how stills are counted."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from edge.cli.app import cli
from edge.core.errors import InputError
from edge.core.types import Box
from tests.bench.scenes import run, setups, stills, truth
from tests.bench.scenes.figures import of_stills
from tests.bench.scenes.match import matches
from tests.bench.scenes.sensor import Sensor, seed_of
from tests.bench.scenes.windows import face_free

if TYPE_CHECKING:
    from collections.abc import Sequence

SCENES = Path(__file__).resolve().parents[3] / "shared" / "scenes"
FACE = Box(100, 100, 40, 40)
BOXES = st.builds(Box, *[st.integers(0, 60)] * 2, *[st.integers(5, 60)] * 2)


def picture(*faces: truth.MarkedFace, tags: tuple[str, ...] = ()) -> truth.MarkedPicture:
    return truth.MarkedPicture(Path("p.png"), 1000, 500, faces, tags)


def marked(share: float, x: float = 100, **kinds: Any) -> truth.MarkedFace:
    return truth.MarkedFace(Box(x, 100, 500 * share, 500 * share), **kinds)


def written(folder: Path, entries: Any) -> Path:
    (folder / "faces.json").write_text(entries if isinstance(entries, str) else json.dumps(entries))
    cv2.imwrite(str(folder / "a.png"), np.zeros((30, 40, 3), np.uint8))
    return folder


def as_score_py(marks: Sequence[Box], found: Sequence[Box]) -> dict[int, int]:
    """Apply the rule in the explicit form of the reference scorer."""

    def agreement(a: Box, b: Box) -> float:
        size, (ax, ay), (bx, by) = a.area**0.5, a.centre, b.centre
        near = max(abs(ax - bx), abs(ay - by)) < size / 4 and 0.4 < b.area**0.5 / size < 2.2
        return a.iou(b) if a.iou(b) >= 0.4 else (0.39 if near else 0)

    pairs = [(agreement(a, b), i, j) for i, a in enumerate(marks) for j, b in enumerate(found)]
    chosen: dict[int, int] = {}
    for score, i, j in sorted(pairs, reverse=True):
        if score and i not in chosen and j not in chosen.values():
            chosen[i] = j
    return chosen


def test_a_box_is_a_face_by_overlap_or_by_its_centre() -> None:
    assert matches([FACE], [Box(110, 100, 40, 40)]) == {0: 0}
    assert matches([FACE], [Box(80, 80, 80, 80)]) == {0: 0}  # a quarter of it overlaps, the centre is the same
    assert matches([FACE], [Box(70, 70, 100, 100)]) == {}  # 2.5 times the size
    assert matches([FACE], [Box(130, 100, 40, 40)]) == {}
    assert matches([], [FACE]) == matches([FACE], []) == {}


def test_each_box_serves_once_and_a_kept_pair_comes_first() -> None:
    near, exact = Box(108, 100, 40, 40), FACE
    assert matches([FACE, near], [near]) == {1: 0}
    assert matches([FACE], [near, exact]) == {0: 1}
    assert matches([FACE], [near, exact], {0: 0}) == {0: 0}
    assert matches([FACE], [Box(400, 0, 40, 40), exact], {0: 0}) == {0: 1}  # that track is elsewhere now


@given(st.lists(BOXES, max_size=6), st.lists(BOXES, max_size=6))
def test_matching_is_that_of_score_py(marks: list[Box], found: list[Box]) -> None:
    assert matches(marks, found) == as_score_py(marks, found)


def test_faces_tags_and_empty_pictures_are_read(tmp_path: Path) -> None:
    face = {"box": [1, 2, 10, 12], "kind": "ignore", "frontal": False}
    written(tmp_path, {"a.png": {"size": [40, 30], "faces": [face, {"box": [5, 5, 9, 9]}], "tags": ["candid"]}})
    (tmp_path / "empty").mkdir()
    cv2.imwrite(str(tmp_path / "empty" / "wall.png"), np.zeros((20, 50, 3), np.uint8))
    (tmp_path / "empty" / "notes.txt").write_text("no picture")
    one, wall = truth.load(tmp_path)
    assert one.faces == (
        truth.MarkedFace(Box(1, 2, 10, 12), counts=False, frontal=False),
        truth.MarkedFace(Box(5, 5, 9, 9)),
    )
    assert one.tags == ("candid",)
    assert (wall.name, wall.width, wall.height, wall.faces) == ("wall.png", 50, 20, ())
    assert one.read().shape == (30, 40, 3)


@pytest.mark.parametrize(
    ("entries", "says"),
    [
        ("{", "is not valid JSON"),
        ([], "expected an object"),
        ({"b.png": {"size": [4, 3], "faces": []}}, "is in faces.json but not in the folder"),
        ({"a.png": {"size": [4], "faces": []}}, 'the entry "a.png" is wrong'),
        ({"a.png": {"size": [4, 3], "faces": [{"box": [1, 2, 3]}]}}, 'the entry "a.png" is wrong'),
        ({"a.png": {"size": [4, 3], "faces": [{"box": [1, 2, 3, 3], "kind": "cat"}]}}, 'the entry "a.png" is wrong'),
        ({"a.png": 7}, 'the entry "a.png" is wrong'),
    ],
)
def test_a_wrong_folder_gets_a_line(tmp_path: Path, entries: Any, says: str) -> None:
    with pytest.raises(InputError, match=says):
        truth.load(written(tmp_path, entries))


def test_a_picture_of_another_size_gets_a_line(tmp_path: Path) -> None:
    (wrong,) = truth.load(written(tmp_path, {"a.png": {"size": [41, 30], "faces": []}}))
    with pytest.raises(InputError, match=r"is 40 x 30, faces\.json says 41 x 30"):
        wrong.read()
    (tmp_path / "a.png").write_text("no picture")
    with pytest.raises(InputError, match="cannot be read as a picture"):
        wrong.read()


def test_stills_are_counted_by_size_pose_and_tag() -> None:
    score = stills.StillsScore()
    people = picture(
        marked(0.12), marked(0.08, 300, frontal=False), marked(0.03, 500), marked(0.2, 700, counts=False),
        tags=("candid",),
    )  # fmt: skip
    found = [people.faces[0].box, people.faces[3].box, Box(900, 400, 30, 30)]
    stills.add_picture(score, people, found)
    stills.add_picture(score, picture(), [])
    stills.add_picture(score, picture(), [FACE])
    figures = {figure.key: figure.value for figure in of_stills(score)}
    assert [figures[f"recall_{low}"] for low, _ in truth.SIZE_BINS] == [0, None, 0, 1, None]
    assert (figures["recall_near"], figures["recall_side"], figures["recall_candid"]) == (1, 0, 1 / 3)
    assert (figures["false_faces"], figures["empty"], figures["empty_with_faces"]) == (1, 2, 1)


def test_recall_in_little_light_is_that_of_full_lights() -> None:
    score = stills.StillsScore()
    people = picture(marked(0.06), marked(0.06, 300), marked(0.04, 600))
    boxes = [face.box for face in people.faces]
    stills.add_dark(score, people, boxes, 1.0)
    stills.add_dark(score, people, boxes[1:], 0.05)
    assert score.relative(0.05) == 1 / 2
    assert score.relative(0.02) is None


def test_a_sensor_s_noise_grows_with_the_light() -> None:
    grey = np.full((200, 300, 3), 200, np.uint8)
    dark = Sensor(300, 200, seed=3).expose(grey, 0.05).astype(float)
    bright = Sensor(300, 200, seed=3).expose(grey).astype(float)
    assert bright.mean() == pytest.approx(199.5, abs=0.1)
    assert bright.std() == pytest.approx((200 * 0.15 + 2) ** 0.5, rel=0.02)
    assert dark.mean() == pytest.approx(9.5, abs=0.1)
    assert dark.std() == pytest.approx((10 * 0.15 + 2) ** 0.5, rel=0.04)
    assert np.array_equal(bright, Sensor(300, 200, seed=3).expose(grey))
    assert seed_of("a", 1.0) != seed_of("a", 0.05)


def test_a_face_free_window_keeps_off_every_head() -> None:
    image = np.zeros((500, 1000, 3), np.uint8)
    image[300:, ::7] = 255
    window = face_free(picture(truth.MarkedFace(Box(480, 40, 60, 60)), marked(0.1, 900, counts=False)), image)
    assert window is not None
    assert window.width >= 480
    assert window.y >= 40 + 60 * 1.6 or window.x >= 480 + 60 * 1.6
    assert face_free(picture(truth.MarkedFace(Box(400, 150, 200, 200))), image) is None
    assert face_free(picture(), image) is not None


@pytest.mark.skipif(not SCENES.is_dir(), reason="needs ../shared/scenes, pictures that are not part of the project")
def test_recall_on_real_rooms_is_what_score_py_says(tmp_path: Path) -> None:
    chosen = truth.load(SCENES)[4:30:9]
    (haar,), _ = setups.prepare(setups.detectors(["haar"]))
    entries = json.loads((SCENES / "faces.json").read_text())
    (tmp_path / "faces.json").write_text(json.dumps({item.name: entries[item.name] for item in chosen}))
    for item in chosen:
        (tmp_path / item.name).symlink_to(item.path)
    (score,) = run.measure(tmp_path, [haar], run.ScenesPlan(kinds=(), lights=()))
    found = CliRunner().invoke(cli, ["--set", "detector.kind=haar", "analyze", str(tmp_path), "--json"])
    (tmp_path / "found.jsonl").write_text(found.stdout)
    said = subprocess.run(
        [sys.executable, str(SCENES / "score.py"), str(tmp_path / "found.jsonl"), str(tmp_path / "faces.json")],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert score.stills is not None
    for recall in score.stills.sizes:
        assert f"{recall.hits:4d} of {recall.total:4d}" in said
    assert f"false faces a picture {score.stills.false_faces / len(chosen):.2f}" in said
