from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from edge.config import load
from edge.core.errors import InputError
from edge.models import store
from edge.models.store import ModelStore, Pointer, models_dir

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installed service's state folder, and a user who has none."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    (tmp_path / "service").mkdir()
    monkeypatch.setattr(store, "_SERVICE_STATE", tmp_path / "service")
    return tmp_path / "service"


def test_commands_on_an_installed_device_mean_the_services_models(service: Path, tmp_path: Path) -> None:
    config = load(None, environment={})
    assert models_dir(config) == service / "models"
    (tmp_path / "home/.local/state/face-edge").mkdir(parents=True)
    assert models_dir(config) == tmp_path / "home/.local/state/face-edge/models"


def test_a_folder_that_was_named_is_the_one(service: Path, tmp_path: Path) -> None:
    named = load(None, environment={}, flags={"node.state_dir": tmp_path / "mine"})
    assert models_dir(named) == tmp_path / "mine" / "models"
    given = {"STATE_DIRECTORY": str(tmp_path / "of-systemd")}
    assert models_dir(load(None, environment={}), given) == tmp_path / "of-systemd" / "models"
    assert not list(service.iterdir())


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_what_root_adds_belongs_to_the_service(service: Path) -> None:
    os.chown(service, 12345, 12346)
    kept = ModelStore(service / "models")
    with kept.locked():
        kept.point(Pointer(current="a"))
    owners = {
        (path.stat().st_uid, path.stat().st_gid) for path in (service / "models", *(service / "models").iterdir())
    }
    assert owners == {(12345, 12346)}


def test_a_name_that_means_two_models_is_asked_about(tmp_path: Path) -> None:
    for folder in ("one-aaaaaaaaaaaa", "one-bbbbbbbbbbbb"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "one.tflite").write_bytes(b"x")
    with pytest.raises(InputError, match="name one of one-aaaaaaaaaaaa, one-bbbbbbbbbbbb"):
        ModelStore(tmp_path).find("one")
    assert ModelStore(tmp_path).find("one-bbbbbbbbbbbb").path == tmp_path / "one-bbbbbbbbbbbb" / "one.tflite"


def test_a_link_in_the_place_of_the_lock_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / ".lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InputError, match="cannot be written"), ModelStore(tmp_path / "models").locked():
        pass
    assert not (tmp_path / "elsewhere").exists()
