"""Kept sessions behind the page: who may see them, reports, data, deletion; drawn in the worker."""

from __future__ import annotations

import base64
import hashlib
import io
import re
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("matplotlib", reason="the extra `reports` is not installed")

from edge.core.events import SessionKind
from edge.kiosk.worker import WorkerFailed
from edge.recording.file import SessionFile
from edge.recording.paths import session_path
from edge.recording.rows import put_event, put_second, put_session
from edge.reports.text import file_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from edge.kiosk.app import Kiosk


def keep(kiosk: Kiosk, *recordings: Any) -> list[str]:
    with SessionFile(session_path(kiosk.config), create=True) as file:
        for recording in recordings:
            record = recording.record
            file.write([put_session(record)])
            file.write([put_second(record.id, second) for second in recording.seconds])
            file.write([put_event(record.id, happening) for happening in recording.events])
    return [recording.record.id for recording in recordings]


@pytest.fixture
def operator(open_kiosk: Kiosk, browser: Callable[..., Any]) -> Iterator[Any]:
    made = browser(open_kiosk)
    with made.client:  # one event loop for all requests, as the server has
        yield made
        made.client.portal.call(open_kiosk.end)


def test_the_list_tells_each_session_in_a_line(operator: Any, open_kiosk: Kiosk, made_up: Any) -> None:
    assert operator.client.get("/api/sessions").json() == {"sessions": [], "more": False}
    many = [made_up(seconds=20, seed=seed, title=f"Number {seed}") for seed in range(2, 24)]
    few = made_up(seconds=30, people=1, seed=24, title="Alone", kind=SessionKind.GAME)
    keep(open_kiosk, *many, few)
    found = operator.client.get("/api/sessions").json()
    assert found["more"]
    first = found["sessions"][0]
    assert (first["title"], first["kind"], first["valence"], first["running"]) == ("Alone", "game", None, False)
    assert first["withheld_s"] > 0
    assert found["sessions"][1]["valence"] is not None
    rest = operator.client.get(f"/api/sessions?before={found['sessions'][-1]['number']}").json()
    assert (len(found["sessions"]) + len(rest["sessions"]), rest["more"]) == (23, False)
    assert operator.client.get("/api/sessions?before=../x").status_code == 422
    assert [line["number"] for line in (*found["sessions"], *rest["sessions"])] == list(range(23, 0, -1))


def test_a_report_is_served_under_its_own_policy(operator: Any, open_kiosk: Kiosk, made_up: Any) -> None:
    one, two = keep(open_kiosk, made_up(seconds=120), made_up(seconds=90, seed=2, title="Second"))
    shown = operator.client.get(f"/sessions/report?ids={one}")
    style = re.search(r"<style>(.*?)</style>", shown.text, re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    policy = shown.headers["content-security-policy"]
    assert f"style-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy
    assert policy.endswith("frame-ancestors 'self'")
    assert "script" not in shown.text.replace("no script", "")
    assert "content-disposition" not in shown.headers
    saved = operator.client.get(f"/sessions/report?ids={one}&save")
    assert saved.content == shown.content, "drawn once"
    assert saved.headers["content-disposition"].endswith('.html"')
    side = operator.client.get(f"/sessions/report?ids={one},{two}")
    assert "2 sessions compared" in side.text
    assert "frame-src 'self'" in operator.client.get(f"/sessions/view?ids={one}").headers["content-security-policy"]


def test_data_come_in_each_form(operator: Any, open_kiosk: Kiosk, made_up: Any) -> None:
    recording = made_up(seconds=60, title="Fil<m> \u2013 die Zweite")
    [one] = keep(open_kiosk, recording)
    csv = operator.client.get(f"/sessions/data/csv?ids={one}")
    assert csv.text.startswith("second,")
    name = csv.headers["content-disposition"]
    assert name.startswith('attachment; filename="fil-m-die-zweite-')
    assert operator.client.get(f"/sessions/data/json?ids={one}").json()["session"]["id"] == one
    pq = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
    table = pq.read_table(io.BytesIO(operator.client.get(f"/sessions/data/parquet?ids={one}").content))
    assert table.num_rows == len(recording.seconds)
    assert operator.client.get(f"/sessions/data/exe?ids={one}").status_code == 404


@pytest.mark.parametrize("installed", [True, False])
def test_pages_offer_the_formats_that_can_be_written_here(
    operator: Any, open_kiosk: Kiosk, made_up: Any, monkeypatch: pytest.MonkeyPatch, installed: bool
) -> None:
    if installed:
        pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    else:
        monkeypatch.setitem(sys.modules, "pyarrow", None)
    [one] = keep(open_kiosk, made_up(seconds=20))
    wanted = ["csv", "json", "parquet"] if installed else ["csv", "json"]
    page = operator.client.get(f"/sessions/view?ids={one}").text
    assert re.findall(r'data-form="(\w+)"', page) == wanted
    listed = re.search(r'data-forms="([\w ]*)"', operator.client.get("/sessions").text)
    assert listed is not None
    assert listed[1].split() == wanted
    for form in wanted:
        assert operator.client.get(f"/sessions/data/{form}?ids={one}").status_code == 200


def ready(operator: Any, ids: str, eventually: Any) -> list[float]:
    """Ask until the report is there; gives what was told of its progress."""
    told: list[float] = []

    def asked() -> bool:
        answer = operator.client.get(f"/api/sessions/report?ids={ids}")
        assert answer.status_code == 200
        told.append(answer.json()["progress"])
        return bool(answer.json()["ready"])

    assert eventually(asked, 120)
    return told


def no_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> Any:
        pytest.fail("the worker was asked")

    monkeypatch.setattr("edge.kiosk.worker.Worker.talk", refuse)


def test_the_list_waits_for_no_worker(
    operator: Any, open_kiosk: Kiosk, made_up: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(open_kiosk, *(made_up(seconds=20, seed=seed) for seed in range(2, 30)))
    no_worker(monkeypatch)
    found = operator.client.get("/api/sessions").json()
    assert len(found["sessions"]) == 20
    assert not any(line["pending"] for line in found["sessions"])


def test_sessions_that_are_not_summed_up_yet_are_pending(
    operator: Any, open_kiosk: Kiosk, made_up: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(open_kiosk, made_up(seconds=20), made_up(seconds=20, seed=2))
    monkeypatch.setattr("edge.kiosk.reports.catalog._SUM_UP_S", -1.0)
    first = operator.client.get("/api/sessions").json()["sessions"]
    assert [(line["pending"], line["people"]) for line in first] == [(True, None)] * 2
    monkeypatch.setattr("edge.kiosk.reports.catalog._SUM_UP_S", 60.0)
    assert not any(line["pending"] for line in operator.client.get("/api/sessions").json()["sessions"])


def test_a_report_is_drawn_in_the_background_with_its_progress(
    operator: Any, open_kiosk: Kiosk, made_up: Any, eventually: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = keep(open_kiosk, made_up(seconds=120), made_up(seconds=90, seed=2))
    told = ready(operator, one, eventually)
    assert told == sorted(told)
    assert told[-1] == 1
    both = ready(operator, f"{one},{two}", eventually)
    assert both == sorted(both)
    no_worker(monkeypatch)
    page = operator.client.get(f"/sessions/report?ids={one}")
    assert page.status_code == 200
    assert "test screening" in page.text
    assert "2 sessions compared" in operator.client.get(f"/sessions/report?ids={one},{two}").text


@pytest.fixture
def restarted(make_kiosk: Any, browser: Any) -> Iterator[Any]:
    """A browser on the same device after a restart."""
    again = make_kiosk()
    made = browser(again)
    with made.client:
        yield made
        made.client.portal.call(again.end)


def test_a_report_outlives_the_device_and_goes_with_its_session(
    operator: Any, open_kiosk: Kiosk, made_up: Any, restarted: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    [one] = keep(open_kiosk, made_up(seconds=60))
    first = operator.client.get(f"/sessions/report?ids={one}").text
    with monkeypatch.context() as patch:
        no_worker(patch)
        assert restarted.client.get(f"/sessions/report?ids={one}").text == first
        assert restarted.client.get(f"/api/sessions/report?ids={one}").json()["ready"]
    with SessionFile(session_path(open_kiosk.config)) as file:
        [record] = file.sessions()
        file.write([put_session(replace(record, title="Renamed"))])
    assert not restarted.client.get(f"/api/sessions/report?ids={one}").json()["ready"]
    assert "Renamed" in restarted.client.get(f"/sessions/report?ids={one}").text


def test_why_a_report_cannot_be_drawn_is_told(
    operator: Any, open_kiosk: Kiosk, made_up: Any, eventually: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    [one] = keep(open_kiosk, made_up(seconds=60))

    why = "the worker failed: no memory"

    async def fail(*_: Any, **__: Any) -> Any:
        if why:
            raise WorkerFailed(why)
        yield

    monkeypatch.setattr("edge.kiosk.worker.Worker.talk", fail)
    answers: list[Any] = []

    def failed() -> bool:
        answers.append(operator.client.get(f"/api/sessions/report?ids={one}"))
        return bool(answers[-1].status_code != 200)

    assert eventually(failed, 60)
    assert (answers[-1].status_code, "no memory" in answers[-1].json()["detail"]) == (503, True)
    gone = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
    assert operator.client.get(f"/api/sessions/report?ids={gone}").status_code == 404


def test_a_comparison_of_what_was_deleted_is_not_shown(operator: Any, open_kiosk: Kiosk, made_up: Any) -> None:
    one, two = keep(open_kiosk, made_up(seconds=60), made_up(seconds=60, seed=2))
    assert operator.client.get(f"/sessions/report?ids={one},{two}").status_code == 200
    with SessionFile(session_path(open_kiosk.config)) as file:
        file.delete(one)  # by another process
    assert operator.client.get(f"/sessions/report?ids={one},{two}").status_code == 404


@pytest.mark.parametrize("ids", ["", "../../etc/passwd", "01ARZ3NDEKTSV4RRFFQ69G5FAV' OR 1=1"])
def test_only_ids_name_sessions(operator: Any, ids: str) -> None:
    for address in ("/sessions/report", "/sessions/data/csv"):
        assert operator.client.get(address, params={"ids": ids}).status_code == 422


def test_what_is_deleted_is_gone(operator: Any, open_kiosk: Kiosk, made_up: Any) -> None:
    running = made_up(seconds=60, seed=2, end=None, ended_by=None)
    one, other = keep(open_kiosk, made_up(seconds=60), running)
    assert operator.client.get(f"/sessions/report?ids={one}").status_code == 200
    refused = operator.post("sessions/delete", {"ids": [other]})
    assert (refused.status_code, "running" in refused.json()["detail"]) == (409, True)
    assert operator.post("sessions/delete", {"ids": [one]}, x_csrf_token="no").status_code == 403
    assert operator.post("sessions/delete", {"ids": [one]}).json() == {"deleted": [one]}
    assert operator.client.get(f"/sessions/report?ids={one}").status_code == 404
    assert [line["id"] for line in operator.client.get("/api/sessions").json()["sessions"]] == [other]


def test_viewers_see_none_of_it(guarded: Kiosk, browser: Callable[..., Any]) -> None:
    viewer = browser(guarded)
    viewer.login("let me watch")
    assert viewer.client.get("/sessions").status_code == 303
    identity = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
    for address in ("/api/sessions", f"/sessions/report?ids={identity}", f"/sessions/data/csv?ids={identity}"):
        assert viewer.client.get(address).status_code == 403
    assert viewer.post("sessions/delete", {"ids": [identity]}).status_code == 403


def test_file_names_fit_every_system(made_up: Any) -> None:
    record = made_up(seconds=60, title="../..\\ <\u00e4> \u65e5\u672c").record
    assert re.fullmatch(r"session-\d{4}-\d\d-\d\d-\d{4}\.csv", file_name(record, "csv"))
