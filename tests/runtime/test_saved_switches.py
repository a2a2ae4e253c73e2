from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from pydantic import ValidationError

from edge.core.events import Session
from edge.runtime.saved_switches import Settings, SettingsStore

if TYPE_CHECKING:
    from pathlib import Path

SESSION = Session(id="01ARZ3NDEKTSV4RRFFQ69G5FAV", title="Première", start=datetime(2026, 1, 1, tzinfo=UTC))


def test_what_was_switched_outlives_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "new" / "settings.json"
    assert SettingsStore(path).now == Settings()
    SettingsStore(path).change(privacy=True, display_brightness=0.25, session=SESSION)
    found = SettingsStore(path).now
    assert (found.privacy, found.display_on, found.display_brightness) == (True, True, 0.25)
    assert found.session == SESSION
    SettingsStore(path).change(session=None)
    assert SettingsStore(path).now.session is None


def test_fields_that_an_older_version_does_not_know_are_written_only_where_they_say_something(tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    SettingsStore(path).change(privacy=True, session=SESSION)
    assert json.loads(path.read_text())["session"].keys() == {"id", "title", "start"}
    SettingsStore(path).change(session=SESSION.model_copy(update={"k": 1, "agreed": True}))
    found = SettingsStore(path).now
    assert found.session is not None
    assert (found.privacy, found.session.k, found.session.agreed) == (True, 1, True)


def test_without_a_file_nothing_is_written(tmp_path: Path) -> None:
    store = SettingsStore(None)
    assert store.change(privacy=True).privacy
    assert not list(tmp_path.iterdir())


def test_what_makes_no_sense_changes_nothing(tmp_path: Path) -> None:
    store = SettingsStore(tmp_path / "settings.json")
    with pytest.raises(ValidationError):
        store.change(display_brightness=2)
    assert store.now == Settings()


@pytest.mark.parametrize("content", ["", "{", "[]", '{"privacy": "perhaps"}', "\x00\x00"])
def test_a_damaged_file_is_set_aside(tmp_path: Path, caplog: pytest.LogCaptureFixture, content: str) -> None:
    path = tmp_path / "settings.json"
    path.write_text(content)
    assert SettingsStore(path).now == Settings()
    assert path.with_suffix(".damaged").read_text() == content
    assert [record.message.count("is damaged") for record in caplog.records] == [1]
    SettingsStore(path).change(privacy=True)
    assert SettingsStore(path).now.privacy


def test_a_pause_outlives_what_a_newer_version_wrote_beside_it(tmp_path: Path) -> None:
    """An upgrade that is taken back must not begin to look at people who are not to be looked at."""
    path = tmp_path / "settings.json"
    session = {"id": "01J00000000000000000000000", "title": "Film", "start": "2025-01-01T00:00:00Z", "kind": "opera"}
    newer = {"privacy": True, "display_on": False, "display_brightness": "dusk", "session": session, "hue": 7}
    path.write_text(json.dumps(newer))
    assert SettingsStore(path).now == Settings(privacy=True, display_on=False)
    assert SettingsStore(path).now == Settings(privacy=True, display_on=False), "and at the start after it"
    assert json.loads(path.with_suffix(".damaged").read_text()) == newer
    path.write_text(json.dumps({"privacy": True, "display_brightness": 0.5, "hue": 7}))
    assert SettingsStore(path).now == Settings(privacy=True, display_brightness=0.5)


def test_a_disk_that_takes_nothing_costs_a_line(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").touch()
    store = SettingsStore(tmp_path / "file" / "settings.json")
    with caplog.at_level(logging.ERROR):
        assert store.change(privacy=True).privacy
    assert "settings will not outlive a restart" in caplog.text
