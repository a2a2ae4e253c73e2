"""A file whose very description is damaged is damage, told in one line."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from edge.util.sqlite import FileDamaged, FileFault, bound, translated

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("with_bytes", [b"kept \xff, xx", b"kept \n) xx x"])
def test_a_damaged_schema_is_damage_in_one_line(tmp_path: Path, with_bytes: bytes) -> None:
    path = tmp_path / "x.sqlite3"
    with closing(sqlite3.connect(path)) as file, file:
        file.execute("CREATE TABLE kept (one TEXT)")
    content = path.read_bytes()
    assert content.count(b"kept (one TE") == 1
    path.write_bytes(content.replace(b"kept (one TE", with_bytes))
    with closing(sqlite3.connect(path)) as file, pytest.raises(FileDamaged) as raised, translated():
        file.execute("SELECT * FROM kept").fetchall()
    assert "\n" not in str(raised.value)


def test_a_cell_that_claims_more_than_any_can_have_is_damage(tmp_path: Path) -> None:
    with closing(bound(sqlite3.connect(tmp_path / "x.sqlite3"))) as file:
        with pytest.raises(FileDamaged, match="too big"), translated():
            file.execute("SELECT zeroblob(1000000000)").fetchall()
        assert file.execute("SELECT length(zeroblob(100000))").fetchone() == (100_000,)


def test_want_of_memory_is_a_fault_and_no_damage() -> None:
    with pytest.raises(FileFault, match="not enough memory") as raised, translated():
        raise MemoryError
    assert not isinstance(raised.value, FileDamaged)
