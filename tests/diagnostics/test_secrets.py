from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge import config as configuration
from edge.config import Config
from edge.diagnostics.secrets import MASK, Masker, known_secrets

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("nothing to hide: 12 fps, sha256 " + "a" * 64, None),
        ("rtsp://admin:hunter2@cam.local/live", "rtsp://***@cam.local/live"),
        ("http://a:b/c#d@e@host/x and more", "http://***@host/x and more"),
        ("Environment=FACE_EDGE_MQTT__PASSWORD=hunter2", "Environment=FACE_EDGE_MQTT__PASSWORD=***"),
        ('password = "hunter 2"  # config', 'password = "***"  # config'),
        ("password_file = /etc/face-edge/mqtt-password", None),
        ("SetCredential=mqtt-password:hunter2", "SetCredential=***"),
        ("api_key: hunter2", "api_key: ***"),
        ("Authorization: Bearer abc.def", "Authorization: *** ***"),
        ("-----BEGIN EC PRIVATE KEY-----\nabc\n-----END EC PRIVATE KEY-----\nrest", "***\nrest"),
        ("picture data:image/jpeg;base64,/9j/4AAQ end", "picture *** end"),
        ("x" * 159, None),
        ("x" * 160, MASK),
    ],
)
def test_what_looks_like_a_secret_goes_and_the_rest_stays(text: str, masked: str | None) -> None:
    assert Masker()(text) == (text if masked is None else masked)


SECRETS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Zs", "Zl", "Zp"]), min_size=4, max_size=30)


@given(SECRETS.filter(lambda secret: "*" not in secret), st.text(), st.text())
def test_a_known_secret_is_nowhere_left(secret: str, before: str, after: str) -> None:
    assert secret not in Masker([secret])(f"{before}{secret}{after}").replace(MASK, "\0")


def test_a_secret_is_found_in_every_spelling() -> None:
    mask = Masker(['p@ss/w "0"rd'])
    for text in ("p%40ss%2Fw%20%220%22rd", 'p@ss/w \\"0\\"rd', 'p@ss/w "0"rd', "p%40ss%2Fw+%220%22rd"):
        assert mask(f"({text})") == f"({MASK})"


def test_a_short_secret_is_not_taken_out_of_words() -> None:
    assert Masker(["ab"])("ab cab (ab)") == f"{MASK} cab ({MASK})"


def test_json_stays_json() -> None:
    tree: dict[str, Any] = {
        "token": 5,
        "on": True,
        "password_file": "/x",
        "nested": [{"password": "s", "text": 'a "secret: quoted" b'}],
        "nothing": None,
    }
    made = json.loads(json.dumps(Masker(["/y"]).tree(tree)))
    assert made["token"] == made["nested"][0]["password"] == MASK
    assert (made["on"], made["password_file"], made["nothing"]) == (True, "/x", None)


def test_secrets_are_known_from_settings_files_and_environment(tmp_path: Path) -> None:
    (tmp_path / "broker").write_text("from-file\n")
    (tmp_path / "hash").write_text("scrypt$hash\n")
    (tmp_path / "viewers").write_text("from-wrong-config\n")
    (tmp_path / "state").mkdir()
    (tmp_path / "state/kiosk-secret").write_text("c0ffee\n")
    (tmp_path / "credentials").mkdir()
    (tmp_path / "credentials/anything").write_text("from-systemd")
    flags = {
        "node.state_dir": tmp_path / "state",
        "source.uri": "rtsp://me:in%2Furi@cam/1",
        "mqtt.password": "in-config",
        "mqtt.password_file": tmp_path / "broker",
        "kiosk.password_file": tmp_path / "hash",
    }
    config = configuration.load(environment={}, flags=flags)
    environment = {
        "FACE_EDGE_MQTT__PASSWORD": "in-environment",
        "CREDENTIALS_DIRECTORY": str(tmp_path / "credentials"),
        "HTTP_PROXY": "http://who:proxied@proxy",
        "FACE_EDGE_MQTT__PASSWORD_FILE": "/a/file",
        "HOME": "/home/pi",
    }
    found = known_secrets(
        config,
        tree={"mqtt": {"password": "mistaken"}, "kiosk": {"viewer_token_file": str(tmp_path / "viewers")}},
        texts=["# password = 'switched off'\nuri = 'http://x:written@y'\n=broken"],
        environment=environment,
    )
    assert {
        "from-file", "scrypt$hash", "c0ffee", "from-systemd", "in%2Furi", "in-config", "in-environment", "proxied",
        "mistaken", "from-wrong-config", "switched off", "written",
    } <= found  # fmt: skip
    assert not {"/a/file", "/home/pi", ""} & found
    assert known_secrets(Config(), environment={"HOME": "/x"}) is not None
