"""The report as a reader gets it: whole, strict, readable by a parser, and true to the figures."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from edge.core.errors import InputError
from edge.recording.values import RecordedEvent, Recording, Second

pytest.importorskip("matplotlib", reason="the extra `reports` is not installed")
pytest.importorskip("jinja2", reason="the extra `reports` is not installed")
html5lib = pytest.importorskip("html5lib", reason="html5lib is not installed")

from edge.reports.compare import comparison
from edge.reports.report import report

if TYPE_CHECKING:
    from collections.abc import Callable

MADE = datetime(2026, 5, 5, tzinfo=UTC)
Make = Any


def local(element: Any) -> str:
    return str(element.tag).rpartition("}")[2]


def check(page: str) -> Any:
    """Parse as strictly as there is; nothing may be fetched, nothing may run."""
    parser = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False)
    tree = parser.parse(page)
    ids = [element.get("id") for element in tree.iter() if element.get("id")]
    assert len(ids) == len(set(ids))
    for element in tree.iter():
        assert local(element) not in {"script", "link", "img", "iframe", "object", "embed", "base"}
        for name, value in element.attrib.items():
            assert not str(name).lower().startswith("on")
            assert name != "style"
            if str(name).endswith("href"):
                assert value.startswith("#")
                assert value[1:] in ids
            for found in re.findall(r"url\(#([^)]*)\)", value):
                assert found in ids
    assert not re.search(r"https?:|url\((?!#)|@import|javascript:", page)
    return tree


@pytest.fixture(scope="module")
def film(made_up: Make) -> tuple[Recording, str]:
    recording = made_up(seconds=600)
    return recording, report(recording, zone=UTC, made=MADE, media_start_s=20)


def test_it_is_whole_and_strict(film: tuple[Recording, str]) -> None:
    _, page = film
    tree = check(page)
    assert "default-src 'none'" in page
    assert sum(local(element) == "svg" for element in tree.iter()) > 4
    for heading in ("Mood over time", "Strongest moments", "Markers", "Device and model", "Share of each emotion"):
        assert heading in page


def test_the_policy_names_the_style_sheet_that_is_there(film: tuple[Recording, str]) -> None:
    import base64
    import hashlib
    import html

    style = re.findall(r"<style>(.*?)</style>", film[1], re.DOTALL)
    assert len(style) == 1
    digest = base64.b64encode(hashlib.sha256(style[0].encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in html.unescape(film[1])


def test_it_says_what_the_figures_say(film: tuple[Recording, str]) -> None:
    recording, page = film
    tree = check(page)
    text = " ".join("".join(tree.itertext()).split())
    for marker in ("The market", "The letter", "The stairs", "The wedding"):
        assert f"after “{marker}”" in text
    assert "84.3 % of 3" in text
    assert "apparent facial expression" in text
    assert "Paused for privacy" in text
    assert recording.record.id in text
    shares = re.findall(r"<th scope=\"row\">(\w+)</th><td class=\"bar\">.*?<td class=\"number\">(\d+) %</td>", page)
    assert len(shares) >= 6
    assert abs(sum(int(share) for _, share in shares) - 100) <= 4


def test_the_same_session_gives_the_same_page(film: tuple[Recording, str]) -> None:
    recording, page = film
    assert report(recording, zone=UTC, made=MADE, media_start_s=20) == page


def test_what_people_typed_cannot_break_the_page(made_up: Make) -> None:
    evil = '<script>alert("1")</script>" onload=x'
    recording = made_up(seconds=60, title=evil, media_name=evil)
    marker = RecordedEvent(30, recording.record.id, "marker", 9, evil)
    page = report(replace(recording, events=(marker,)))
    check(page)
    assert "<script" not in page


def nobody(recording: Recording) -> Recording:
    return replace(recording, seconds=tuple(Second(number, 1.0, 0.0, 0, 0.0) for number in range(40)))


def unseen(recording: Recording) -> Recording:
    return Recording(replace(recording.record, about={}, lasted_s=40.0))


def just_begun(recording: Recording) -> Recording:
    return Recording(replace(recording.record, lasted_s=0.0, end=None, ended_by=None))


def one_second(recording: Recording) -> Recording:
    return replace(recording, record=replace(recording.record, lasted_s=1.0), seconds=recording.seconds[30:31])


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (nobody, "no face was in view"),
        (unseen, "the camera saw nothing of it"),
        (just_begun, "the camera saw nothing of it"),
        (one_second, "too few to call any moment strong"),
    ],
)
def test_a_session_with_little_in_it_has_a_sensible_report(
    made_up: Make, change: Callable[[Recording], Recording], says: str
) -> None:
    recording = change(made_up(seconds=40))
    if change is one_second:
        recording = replace(recording, seconds=(replace(recording.seconds[0], second=0),))
    page = report(recording)
    check(page)
    assert says in page
    assert "nan" not in re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL).lower()


def test_too_few_people_are_said_and_nothing_is_drawn_of_them(made_up: Make) -> None:
    recording = made_up(seconds=100, people=2, k=5)
    page = report(recording)
    check(page)
    assert "Fewer than 5 were in view at a time" in page
    assert "Share of each emotion" not in page
    assert "Withheld: too few faces" in page


def test_several_side_by_side(made_up: Make) -> None:
    first = made_up(seconds=200)
    second = made_up(seconds=100, seed=2, people=1)
    steps: list[tuple[int, int]] = []
    page = comparison([first, second], progress=lambda done, whole: steps.append((done, whole)))
    check(page)
    assert steps[-1][0] <= steps[-1][1]
    assert page.count("04 May") >= 2  # two of the same title are told apart
    with pytest.raises(InputError, match="expected 2 to 8 sessions"):
        comparison([first])
