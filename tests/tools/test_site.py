"""What the website consists of; `make site` builds it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tools.site.__main__ import stage
from tests.tools.site.api import pages, public_modules
from tests.tools.site.hooks import on_page_content

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def staged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    stage(folder)
    return folder


def test_every_public_module_is_on_one_page(staged: Path) -> None:
    listed: list[str] = []
    for page in (staged / "api").glob("*.md"):
        listed += [line.removeprefix("::: ") for line in page.read_text().splitlines() if line.startswith("::: ")]
    assert len(listed) == len(set(listed))
    assert set(listed) == {*public_modules(ROOT, "edge"), *public_modules(ROOT, "converter")}


def test_private_modules_and_programs_are_left_out(tmp_path: Path) -> None:
    for name in (
        "edge/__init__.py",
        "edge/__main__.py",
        "edge/a.py",
        "edge/_b.py",
        "edge/c/__init__.py",
        "edge/c/d.py",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert pages(tmp_path, ["edge"]) == {"edge": ["edge", "edge.a"], "edge.c": ["edge.c", "edge.c.d"]}


def test_documents_keep_their_places_so_that_links_hold(staged: Path) -> None:
    for name in ("README.md", "CHANGELOG.md", "LICENSE", "docs/mqtt.md", "docs/img/glyphs.png", "models/README.md"):
        assert (staged / name).is_file(), name


def test_names_of_code_blocks_are_left_out(staged: Path) -> None:
    assert "```console privacy" in (ROOT / "docs/mqtt.md").read_text()
    assert "```console\n" in (staged / "docs/mqtt.md").read_text()
    assert "```console privacy" not in (staged / "docs/mqtt.md").read_text()


def test_roles_are_shown_as_code() -> None:
    assert on_page_content("see :func:<code>f</code> at 12:30", page=None) == "see <code>f</code> at 12:30"
