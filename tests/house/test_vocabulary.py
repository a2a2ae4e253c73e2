"""Documents are written in words that an engineer knows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.house.vocabulary import ROOT, findings

if TYPE_CHECKING:
    from pathlib import Path

DOCUMENTS = [
    *(ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
]


def test_documents_have_no_words_that_must_be_decoded() -> None:
    assert len(DOCUMENTS) > 20
    assert findings(DOCUMENTS) == []


@pytest.mark.parametrize("text", ["Nobody shall enter.", "a search in\nvain", "It is Reckoned.", "a thread of its own"])
def test_a_banned_word_is_found(text: str, tmp_path: Path) -> None:
    path = tmp_path / "a.md"
    path.write_text(f"\n{text}\n")
    assert len(findings([path])) == 1
    assert findings([path])[0].startswith(f"{path}:2: ")


def test_words_that_only_look_alike_are_none(tmp_path: Path) -> None:
    path = tmp_path / "a.md"
    path.write_text("shallow, at least, people must be told, vainly, stolid\n")
    assert findings([path]) == []


def test_of_code_only_text_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_text('"""What shall be."""\n\ntold = 1  # reckoned\n')
    assert findings([path]) == [f"{path}:1: shall", f"{path}:3: reckoned"]
