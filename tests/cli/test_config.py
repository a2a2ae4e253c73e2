from __future__ import annotations

import json
import os
import re
import stat
import tomllib
from pathlib import Path
from typing import Any

import pytest

from edge.cli.catalog import sections
from edge.cli.reference import reference
from edge.cli.template import template
from edge.config import Config, PanelConfig, load, validate
from edge.core.errors import ConfigError

ROOT = Path(__file__).resolve().parents[2]


def uncommented(text: str) -> str:
    return re.sub(r"^#(?=[a-z\[])", "", text, flags=re.MULTILINE)


@pytest.fixture
def camera(tmp_path: Path) -> dict[str, str]:
    """The environment of a machine on which the Pi's camera library is installed: the default source needs it."""
    (tmp_path / "library").mkdir()
    (tmp_path / "library/picamera2.py").write_text("")
    return {"PYTHONPATH": f"{ROOT}{os.pathsep}{tmp_path}/library"}


def test_check_reports_every_mistake_with_its_origin(face_edge: Any, tmp_path: Path, camera: dict[str, str]) -> None:
    (tmp_path / "bad.toml").write_text('[mqtt]\nbrokr = "x"\n[source]\nfps = "fast"\n[nod]\n')
    done = face_edge("config", "check", "bad.toml", environment=camera | {"FACE_EDGE_DETECTOR__WIDHT": "3"})
    assert done.returncode == 3
    lines = done.stderr.splitlines()
    assert all(line.startswith("face-edge: error: ") for line in lines)
    assert sorted(line.removeprefix("face-edge: error: ") for line in lines) == [
        "bad.toml: mqtt.brokr: unknown setting; did you mean 'broker'?",
        "bad.toml: nod: unknown setting; did you mean 'node'?",
        "bad.toml: source.fps: input should be a valid number, unable to parse string as a number, found 'fast'",
        "environment variable FACE_EDGE_DETECTOR__WIDHT: detector.widht: unknown setting; did you mean 'width'?",
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"a =", "is not valid TOML"),
        (b"\xff\xfe", "is not a UTF-8 text file"),
        (b'[[display]]\nkind="rgb_led"\nred=1\ngreen=1\nblue=2', "pin GPIO1 is already used by display.0.red"),
        (b'[[display]]\nkind="laser"', "display.0"),
        (b"source = 3", "source"),
    ],
)
def test_a_file_that_cannot_be_used_is_one_line(
    face_edge: Any, tmp_path: Path, camera: dict[str, str], text: bytes, words: str
) -> None:
    (tmp_path / "bad.toml").write_bytes(text)
    done = face_edge("--config", "bad.toml", "config", "check", environment=camera)
    assert done.returncode == 3
    assert len(done.stderr.splitlines()) == 1
    assert words in done.stderr
    assert done.stderr.startswith("face-edge: error: bad.toml: ")


def test_check_says_what_run_refuses_and_run_says_the_same(face_edge: Any, tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text(
        f'node = {{ state_dir = "{tmp_path}/state" }}\n[source]\nuri = "telepathy"\n'
        '[kiosk]\nenabled = true\nhost = "0.0.0.0"\nport = 9464\n[metrics]\nenabled = true\n'
        '[panel]\nlight = 4\nbutton = 4\n[model]\npath = "gdconv-9m"\n[mqtt]\nkeepalive_s = 0\n'
    )
    checked, run = face_edge("config", "check", "bad.toml"), face_edge("--config", "bad.toml", "run")
    assert (checked.returncode, run.returncode) == (3, 3)
    assert checked.stderr == run.stderr
    keys = [line.split(": ")[3] for line in run.stderr.splitlines()]
    assert keys == ["mqtt.keepalive_s", "panel.light", "metrics.port", "source.uri", "model.path", "kiosk.host"]
    assert not (tmp_path / "state").exists()


def test_a_missing_file_is_one_line(face_edge: Any) -> None:
    done = face_edge("config", "check", "nowhere.toml")
    assert (done.returncode, len(done.stderr.splitlines())) == (3, 1)
    assert "nowhere.toml: No such file or directory" in done.stderr


def test_a_good_file_is_one_line(face_edge: Any, tmp_path: Path, camera: dict[str, str]) -> None:
    (tmp_path / "good.toml").write_text('[mqtt]\nbroker = "embedded"\n')
    done = face_edge("config", "check", "good.toml", environment=camera)
    assert (done.returncode, done.stdout) == (0, "good.toml: no mistakes found\n")


def test_show_is_toml_that_gives_the_same_settings_and_names_origins(face_edge: Any, tmp_path: Path) -> None:
    (tmp_path / "face-edge.toml").write_text(
        '[mqtt]\nusername = "ann"\n[[display]]\nkind = "leds"\nleds = { sad = 5 }\n'
    )
    done = face_edge("--set", "source.fps=20", "config", "show", environment={"FACE_EDGE_LOG__LEVEL": "debug"})
    assert done.returncode == 0
    shown = validate(tomllib.loads(done.stdout), "show")
    assert shown == load(
        tmp_path / "face-edge.toml", environment={"FACE_EDGE_LOG__LEVEL": "debug"}, flags={"source.fps": 20}
    )
    assert 'username = "ann"  # face-edge.toml' in done.stdout
    assert "fps = 20.0  # command line" in done.stdout
    assert 'level = "debug"  # environment variable FACE_EDGE_LOG__LEVEL' in done.stdout
    assert 'prefix = "face-edge"  # default' in done.stdout


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_show_masks_secrets(face_edge: Any, options: list[str]) -> None:
    secrets = {"FACE_EDGE_MQTT__PASSWORD": "hunter2", "FACE_EDGE_SOURCE__URI": "rtsp://me:hunter2@cam/1"}
    done = face_edge("config", "show", *options, environment=secrets)
    assert done.returncode == 0
    assert "hunter2" not in done.stdout + done.stderr
    assert "rtsp://***@cam/1" in done.stdout


def test_a_wrong_password_setting_does_not_print_it(face_edge: Any) -> None:
    done = face_edge("config", "show", environment={"FACE_EDGE_MQTT__PASSWORD": "[hunter2"})
    assert done.returncode == 3
    assert "hunter2" not in done.stderr


def test_show_json(face_edge: Any, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text("[smoothing]\nlead = 0.2\n")
    document = json.loads(face_edge("--config", "mine.toml", "config", "show", "--json").stdout)
    assert document["file"] == "mine.toml"
    assert document["config"]["smoothing"]["lead"] == 0.2
    assert document["origins"]["smoothing.lead"] == "mine.toml"
    assert document["origins"]["smoothing.hold_s"] == "default"


def test_init_writes_once_and_overwrites_only_when_told(face_edge: Any, tmp_path: Path) -> None:
    path = tmp_path / "new" / "face-edge.toml"
    assert face_edge("config", "init", path).returncode == 0
    assert stat.S_IMODE(path.stat().st_mode) & 0o444
    path.write_text("mine = 1\n")
    refused = face_edge("config", "init", path)
    assert refused.returncode == 4
    assert "--force" in refused.stderr
    assert path.read_text() == "mine = 1\n"
    assert face_edge("config", "init", path, "--force").returncode == 0
    assert path.read_text() == template()
    assert [entry.name for entry in path.parent.iterdir()] == ["face-edge.toml"]


def test_the_template_changes_nothing_until_edited() -> None:
    assert validate(tomllib.loads(template()), "template") == Config()


def test_the_template_uncommented_is_the_defaults_and_one_display_of_each_kind() -> None:
    config = validate(tomllib.loads(uncommented(template())), "template")
    assert config.panel.pins() == {"button": 23, "light": 24, "buzzer": 18}
    assert config.model_copy(update={"display": (), "panel": PanelConfig()}) == Config()
    assert [display.kind for display in config.display] == ["rgb_led", "leds", "matrix", "oled", "terminal"]


def test_every_setting_is_described() -> None:
    undescribed = [f"{s.name}.{setting.name}" for s in sections() for setting in s.settings if not setting.description]
    assert undescribed == []


def test_the_reference_page_is_up_to_date() -> None:
    page = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    assert page == reference(), "run: python -m edge.cli.reference > docs/configuration.md"


@pytest.mark.parametrize("setting", ["node.state_dir", "kiosk.media_dir", "mqtt.password_file", "mqtt.tls.ca"])
def test_a_home_that_nobody_has_is_a_mistake_of_its_own(setting: str) -> None:
    with pytest.raises(ConfigError) as raised:
        load(environment={}, flags={setting: "~nobody-of-this-name/x"})
    [problem] = raised.value.problems
    assert problem == (
        f"command line: {setting}: there is no such home folder: use an absolute path, found '~nobody-of-this-name/x'"
    )
