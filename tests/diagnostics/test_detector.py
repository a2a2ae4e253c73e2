from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

from edge import config as configuration
from edge.diagnostics.detector import detector
from edge.diagnostics.finding import Status
from edge.pipelines import detection
from edge.vision import yunet

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def config(folder: Path, **flags: Any) -> configuration.Config:
    return configuration.load(environment={}, flags={"node.state_dir": folder, **flags})


def test_without_its_file_auto_is_haar_and_the_remedy_is_named(tmp_path: Path) -> None:
    found = detector(config(tmp_path))
    assert (found.status, found.remedy) == (Status.WARN, "face-edge models add yunet")
    assert detection.detector_kind(config(tmp_path)) == "haar"
    assert detector(config(tmp_path, **{"detector.kind": "haar"})).status is Status.OK


def test_a_configured_detector_without_its_file_fails(tmp_path: Path) -> None:
    found = detector(config(tmp_path, **{"detector.kind": "yunet"}))
    assert (found.status, found.remedy) == (Status.FAIL, "face-edge models add yunet")


def test_with_its_file_auto_is_yunet(tmp_path: Path, yunet_file: Path) -> None:
    (tmp_path / "models").mkdir()
    shutil.copy(yunet_file, tmp_path / "models" / yunet.FILE)
    assert detector(config(tmp_path)).message == "yunet"
    assert detection.detector_kind(config(tmp_path)) == "yunet"


def test_a_damaged_file_leaves_auto_with_haar(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / yunet.FILE).write_bytes(b"damaged")
    settings = config(tmp_path)
    assert detector(settings).status is Status.WARN
    assert detection.detector(settings).name == "haar"
    assert "until then the Haar detector is used" in caplog.text
