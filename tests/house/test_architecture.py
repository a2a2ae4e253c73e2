"""The documentation of the structure is true, and the measuring tools measure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.house import graph
from tests.house.measure import ROOT, Measured, mocks_per_100_tests, spread

if TYPE_CHECKING:
    from pathlib import Path


def test_the_page_lists_the_packages_in_the_contracts_order() -> None:
    page = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    table = page[page.index("## Packages of edge/") : page.index("`converter` imports")]
    listed = re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)
    assert listed == [room for layer in graph.layers() for room in layer]
    assert {path.name for path in (ROOT / "edge").iterdir() if (path / "__init__.py").is_file()} == set(listed)


def test_imports_that_a_path_implies_are_left_out(tmp_path: Path) -> None:
    imports = graph.Edges({("a", "b"): 2, ("b", "c"): 1, ("a", "c"): 5})
    assert set(graph.reduced(imports)) == {("a", "b"), ("b", "c")}
    pytest.importorskip("matplotlib")
    graph.draw(tmp_path / "rooms.svg", [["a"], ["b", "d"], ["c"]], imports)
    assert ">d</text>" in (tmp_path / "rooms.svg").read_text(encoding="utf-8")


def test_what_is_measured() -> None:
    measured = Measured()
    measured.add(
        '''"""Where things are."""
class Twice:
    """A class."""
    def one(self, value):
        """What it gives."""
        import os
        return os
'''
    )
    measured.add("class Twice: ...\nclass _Own: ...\ndef typed(value: int) -> int:\n    return value\n")
    assert (measured.docstrings, measured.clauses, measured.inner_imports) == (3, 2, 1)
    assert (measured.duplicates, measured.typed, sorted(measured.function_lines)) == (["Twice"], 1, [2, 4])
    assert spread([3, 1, 2]) == "2 / 2 / 3"


def test_mocks_are_counted_by_test(tmp_path: Path) -> None:
    (tmp_path / "test_a.py").write_text(
        "def test_a(monkeypatch):\n    monkeypatch.setattr(a, 'b', 1)\ndef test_b(): ...\n"
    )
    assert mocks_per_100_tests(tmp_path) == 50
