from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from edge.core.errors import InputError
from edge.util.files import replacing, write_text

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.mark.parametrize(
    ("state", "says"),
    [
        ("ro", "Read-only file system; choose another path or fix its permissions"),
        ("full", "No space left on device; free some space or choose another path"),
    ],
)
def test_a_disk_that_cannot_be_written_is_one_line_and_leaves_nothing(
    disk: Callable[..., Path], state: str, says: str
) -> None:
    place = disk(64, state)
    before = sorted(place.iterdir())
    for name in ("a.txt", "new/a.txt"):
        with pytest.raises(InputError) as caught:
            write_text(place / name, "x" * 5000)
        assert str(caught.value).endswith(f"{name}: cannot be written: {says}")
    assert [each for each in sorted(place.iterdir()) if each.is_file()] == before


def test_an_error_inside_is_not_replaced_by_one_from_cleaning_up(
    tmp_path: Path, read_only: Callable[[Path], Path]
) -> None:
    (tmp_path / "folder").mkdir()
    worn = read_only(tmp_path / "folder")
    with pytest.raises(InputError, match="Read-only file system"), replacing(worn / "a.txt"):
        pytest.fail("the file cannot even be made")

    def lost_in_the_middle() -> None:
        with replacing(tmp_path / "folder" / "b.txt") as temporary:
            temporary.unlink()  # as on a stick that is pulled out
            temporary.parent.rename(tmp_path / "gone")
            msg = "the cause"
            raise RuntimeError(msg)

    with pytest.raises(RuntimeError, match="the cause"):
        lost_in_the_middle()


def test_file_systems_without_links_are_written_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")  # what FAT answers

    monkeypatch.setattr(os, "link", refused)
    write_text(tmp_path / "a.txt", "one", overwrite=False)
    with pytest.raises(InputError, match="already exists"):
        write_text(tmp_path / "a.txt", "two", overwrite=False)
    assert [(each.name, each.read_text()) for each in tmp_path.iterdir()] == [("a.txt", "one")]
