from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from edge.analysis.inputs import Kind, copies, gather, printable
from edge.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator


def touch(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")


def test_a_folder_gives_pictures_and_videos_in_order_and_nothing_else(tmp_path: Path) -> None:
    touch(tmp_path, "b.JPG", "a.mp4", "notes.txt", ".hidden.png", "sub/c.png")
    found = gather([tmp_path]).items
    assert [(item.path.name, item.kind) for item in found] == [("a.mp4", Kind.VIDEO), ("b.JPG", Kind.PICTURE)]
    deep = gather([tmp_path], recursive=True).items
    assert [str(item.label) for item in deep] == ["a.mp4", "b.JPG", "sub/c.png"]


def test_a_circle_of_links_ends(tmp_path: Path) -> None:
    touch(tmp_path, "a.png")
    (tmp_path / "loop").symlink_to(tmp_path, target_is_directory=True)
    assert len(gather([tmp_path], recursive=True).items) == 1


def test_a_file_named_twice_is_read_once(tmp_path: Path) -> None:
    touch(tmp_path, "a.png")
    assert len(gather([tmp_path / "a.png", tmp_path, tmp_path / "." / "a.png"]).items) == 1


@pytest.mark.parametrize(
    ("start", "kind"),
    [
        (b"\xff\xd8\xff\xe0", Kind.PICTURE),
        (b"\x89PNG\r\n\x1a\n", Kind.PICTURE),
        (b"RIFF\x00\x00\x00\x00WEBP", Kind.PICTURE),
        (b"\x00\x00\x00\x18ftypheic", Kind.PICTURE),
        (b"\x00\x00\x00\x18ftypisom", Kind.VIDEO),
        (b"RIFF\x00\x00\x00\x00AVI ", Kind.VIDEO),
    ],
)
def test_a_file_without_a_known_suffix_is_judged_by_its_start(tmp_path: Path, start: bytes, kind: Kind) -> None:
    path = tmp_path / "upload"
    path.write_bytes(start)
    assert gather([path]).items[0].kind is kind


def test_bad_paths_are_problems_and_good_ones_still_items(tmp_path: Path) -> None:
    touch(tmp_path, "good.png")
    (tmp_path / "empty.png").touch()
    inputs = gather([tmp_path / "missing.png", tmp_path / "empty.png", tmp_path / "good.png"])
    assert [item.path.name for item in inputs.items] == ["good.png"]
    missing, empty = (str(problem) for problem in inputs.problems)
    assert "missing.png: No such file or directory" in missing
    assert "empty.png: is empty (0 bytes)" in empty


@pytest.mark.timeout(10)
def test_a_pipe_is_a_problem_and_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    assert "pipe or device" in str(gather([tmp_path / "pipe.png"]).problems[0])


@contextmanager
def without_privileges(folder: Path) -> Iterator[None]:
    """Let modes count for root, too."""
    if os.geteuid() != 0:
        yield
        return
    top = Path(tempfile.gettempdir())
    for each in (folder, *folder.parents):
        if each == top:
            break
        each.chmod(0o755)
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_an_unreadable_file_is_a_problem(tmp_path: Path) -> None:
    touch(tmp_path, "secret.png")
    (tmp_path / "secret.png").chmod(0)
    with without_privileges(tmp_path):
        assert "Permission denied" in str(gather([tmp_path / "secret.png"]).problems[0])


@pytest.mark.parametrize("mode", [0o000, 0o644])
def test_a_folder_that_cannot_be_read_costs_none_of_the_others(tmp_path: Path, mode: int) -> None:
    touch(tmp_path, "a.png", "closed/b.png", "open/c.png", "z.png")
    (tmp_path / "closed").chmod(mode)
    with without_privileges(tmp_path):
        found = gather([tmp_path], recursive=True)
    assert [item.path.name for item in found.items] == ["a.png", "c.png", "z.png"]
    assert [str(problem) for problem in found.problems] == [
        f"{tmp_path}/closed{'/b.png' if mode else ''}: Permission denied; check its permissions"
    ]


def test_links_that_lead_nowhere_or_to_themselves_cost_none_of_the_others(tmp_path: Path) -> None:
    touch(tmp_path, "a.png")
    (tmp_path / "circle.png").symlink_to(tmp_path / "circle.png")
    (tmp_path / "gone.png").symlink_to(tmp_path / "nowhere.png")
    found = gather([tmp_path])
    assert [item.path.name for item in found.items] == ["a.png", "circle.png", "gone.png"]
    assert len(copies(found.items, tmp_path / "out")) == 3


def test_phones_pictures_of_other_formats_are_not_passed_over(tmp_path: Path) -> None:
    touch(tmp_path, "IMG_1.HEIC", "b.avif", "c.jfif")
    items = gather([tmp_path]).items
    assert [item.kind for item in items] == [Kind.PICTURE] * 3
    assert sorted(place.suffix for place in copies(items, tmp_path / "out").values()) == [".png"] * 3


def test_nothing_found_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    touch(tmp_path, "sub/a.png")
    with pytest.raises(InputError, match="--recursive"):
        gather([tmp_path])


def test_earlier_results_are_not_read_again(tmp_path: Path) -> None:
    touch(tmp_path, "a.png", "out/a.png")
    found = gather([tmp_path], recursive=True, leave_out=tmp_path / "out").items
    assert [item.path for item in found] == [tmp_path / "a.png"]


def test_copies_of_like_names_do_not_meet(tmp_path: Path) -> None:
    touch(tmp_path, "one/x.jpg", "two/x.jpg", "one/v.mov", "one/v.avi")
    inputs = gather([tmp_path / "one", tmp_path / "two"])
    places = [place.name for place in copies(inputs.items, tmp_path / "out").values()]
    assert sorted(places) == ["v-2.mp4", "v.mp4", "x-2.jpg", "x.jpg"]


def test_a_copy_never_takes_an_originals_place(tmp_path: Path) -> None:
    touch(tmp_path, "a.png")
    with pytest.raises(InputError, match="overwrite the original"):
        copies(gather([tmp_path / "a.png"]).items, tmp_path)


def test_a_name_that_is_no_utf8_can_be_printed() -> None:
    assert printable(Path(os.fsdecode(b"caf\xe9.png"))) == "caf\ufffd.png"
