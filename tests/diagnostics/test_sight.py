from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

from edge.config import Config, load
from edge.core.events import Health
from edge.diagnostics import sight
from edge.diagnostics.finding import Status, fail, ok
from edge.diagnostics.sight_probe import look
from edge.sandbox.probe import Outcome, probe

if TYPE_CHECKING:
    from pathlib import Path

HERE = ok("camera", "here")


def configured(folder: Path, uri: str = "virtual:blank", **flags: Any) -> Config:
    base = {"node.id": "n1", "node.state_dir": folder, "source.uri": uri, "detector.kind": "haar"}
    return load(environment={}, flags=base | {key.replace("__", "."): value for key, value in flags.items()})


@pytest.fixture(autouse=True)
def at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RUNTIME_DIRECTORY", raising=False)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setattr("edge.diagnostics.sight_probe._SETTLE_S", 0.1)


def test_a_camera_is_looked_through_for_its_light_and_reach(tmp_path: Path) -> None:
    light, faces = sight.sight(configured(tmp_path, source__width=640, source__height=480), HERE)
    assert (light.status, light.name) == (Status.OK, "light")
    assert light.message.startswith("enough light: bright parts of the picture reach 1")
    assert faces.message == (
        "from 24 pixels on (640x480, haar): up to about 3.0 m with a 70° webcam, 2.6 m with a 78° webcam"
    )


@pytest.mark.parametrize(
    ("limits", "light"), [({}, "normal"), ({"DARK": 256.0}, "dark"), ({"DARK": 256.0, "TOO_DARK": 256.0}, "too_dark")]
)
def test_a_frame_says_how_bright_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limits: dict[str, float], light: str
) -> None:
    for name, level in limits.items():
        monkeypatch.setattr(f"edge.vision.light.{name}", level)
    found = look(configured(tmp_path), is_free=True)
    assert (found["light"], found["width"], found["height"]) == (light, 1280, 720)
    assert 100 < found["bright"] < 200


@pytest.mark.parametrize(
    ("light", "status", "words"),
    [
        ("normal", Status.OK, "enough light: bright parts of the picture reach 3 of 255"),
        ("dark", Status.OK, "dark, contrast is raised: bright parts of the picture reach 3 of 255"),
        ("too_dark", Status.WARN, "too dark to see faces: bright parts of the picture reach 3 of 255"),
    ],
)
def test_too_dark_is_a_warning_with_a_remedy(light: str, status: Status, words: str) -> None:
    finding = sight.measured_light(Outcome({"light": light, "bright": 3}))
    assert (finding.status, finding.message) == (status, words)
    assert finding.remedy == ("add light or move the device" if status is Status.WARN else "")


def test_a_file_shows_its_size_and_no_room(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "night.png"), np.zeros((300, 400, 3), np.uint8))
    light, faces = sight.sight(configured(tmp_path, str(tmp_path / "night.png")), HERE)
    assert (light.status, light.message) == (Status.SKIP, "pictures come from files")
    assert faces.message.endswith("pixels on (400x300, haar)")


def test_a_camera_on_its_side_is_looked_through_upright(tmp_path: Path) -> None:
    for is_free in (True, False):
        found = look(configured(tmp_path, source__rotation=90), is_free=is_free)
        assert (found["width"], found["height"]) == (720, 1280)
        assert found["face_px"] == 36


def test_a_camera_that_gives_nothing_is_no_second_failure(tmp_path: Path) -> None:
    light, faces = sight.sight(configured(tmp_path, "usb:97"), HERE)
    assert light.status is Status.SKIP
    assert light.message.startswith("no picture to judge: ")
    assert faces.message.startswith("from 36 pixels on (1280x720, haar)")
    light, faces = sight.sight(configured(tmp_path, "usb:97"), fail("camera", "gone", "plug it in"))
    assert {light.status, faces.status} == {Status.SKIP}
    assert sight.faces(Outcome(None, "was ended by signal SIGILL")).status is Status.SKIP


def test_a_running_device_is_asked_and_not_disturbed(
    running: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.vision.light.TOO_DARK", 256.0)
    monkeypatch.setattr("edge.runtime.light_monitor.LEAST_S", 0.2)
    with running(**{"source.uri": "virtual:blank", "source.fps": 10}) as (_, sink):
        assert len(sink.wait_for(Health, count=2)) == 2
        light, faces = sight.sight(configured(tmp_path), HERE)
    assert (light.status, light.message) == (Status.WARN, "too dark to see faces: as the running device sees it")
    assert faces.status is Status.OK
    unknown = sight.running_light({"health": {}, "camera": "paused"})
    assert unknown.message == "the running device has not seen enough yet, its camera is paused"


def test_what_a_probe_is_given_is_not_in_its_arguments() -> None:
    code = "import json, sys; print(json.dumps({'given': sys.stdin.read(), 'arguments': sys.argv[1:]}))"
    assert probe(code, "a", given="secret").answer == {"given": "secret", "arguments": ["a"]}
