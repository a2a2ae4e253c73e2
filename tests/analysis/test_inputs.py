from __future__ import annotations

import os
from pathlib import Path

import pytest

from edge.analysis.inputs import Kind, copies, gather, printable
from edge.errors import InputError


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


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_file_is_a_problem(tmp_path: Path) -> None:
    touch(tmp_path, "secret.png")
    (tmp_path / "secret.png").chmod(0)
    assert "Permission denied" in str(gather([tmp_path / "secret.png"]).problems[0])


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
