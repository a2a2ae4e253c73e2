"""``face-edge collect``: what a wrong command line says; its work is tested in tests/fleet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

pytest.importorskip("psycopg", reason="psycopg is not installed: pip install -e '.[fleet]'")
DATABASE = ("--database", "postgresql://someone:secret@127.0.0.1:1/none")


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("--broker", "mqtt://localhost"), 2, "--database"),
        (DATABASE, 3, "a fleet needs a broker of its own"),
        (("--broker", "embedded", *DATABASE), 3, "mqtt://HOST or mqtts://HOST"),
        (("--broker", "mqtt://u:p@localhost", *DATABASE), 3, "mqtt.broker"),
        (("--broker", "mqtt://localhost", "--database", "postgresql://a:secret@["), 3, "--database: expected"),
        (("--broker", "mqtt://localhost", "--instance", "a/b", *DATABASE), 2, "letters, digits"),
        (("--broker", "mqtt://localhost", "--prefix", "#", *DATABASE), 3, "mqtt.prefix"),
    ],
)
def test_what_is_wrong_is_one_line(arguments: tuple[str, ...], code: int, says: str, face_edge: Any) -> None:
    ended = face_edge("collect", *arguments)
    assert ended.returncode == code, ended.stderr
    assert says in ended.stderr
    assert "secret" not in ended.stderr
    assert "Traceback" not in ended.stderr


def test_the_device_s_own_mqtt_settings_hold(face_edge: Any, tmp_path: Path) -> None:
    ended = face_edge(
        *("--set", "mqtt.username=u", "--set", f"mqtt.password_file={tmp_path / 'none'}"),
        *("collect", "--broker", "mqtt://localhost", *DATABASE),
    )
    assert ended.returncode == 3
    assert "cannot read" in ended.stderr


def test_the_database_may_come_from_the_environment(face_edge: Any) -> None:
    ended = face_edge("collect", environment={"FACE_COLLECT_DATABASE": "postgresql://["})
    assert ended.returncode == 3
    assert "--broker" in ended.stderr
