"""A detector from an address or a file, and what the commands say of those installed."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from edge.cli import detector_files, main
from edge.core.errors import InputError, ModelError
from edge.models import detectors
from edge.models.published import BLAZEFACE, PUBLISHED, YUNET, Addresses, PublishedDetector

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.fixtures.https import Site

CONTENT = b"\x08\x06 a model"
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:8f2383e4\nsize 232589\n"


@pytest.fixture
def served(https_site: Site) -> PublishedDetector:
    """One that a site on this machine has at the second of two addresses."""
    https_site.pages["/second"] = CONTENT
    source = Addresses((https_site.url("/first"), https_site.url("/second")))
    return replace(YUNET, sha256=hashlib.sha256(CONTENT).hexdigest(), source=source)


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """``models(COMMAND, …)``: ``face-edge models`` on a device whose state lies in ``state``, without a network."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    return lambda *arguments: main(["--set", f"node.state_dir={tmp_path}/state", "models", *map(str, arguments)])


def stored(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*")) if folder.exists() else []


def test_the_first_address_that_has_the_file_serves(
    served: PublishedDetector, https_site: Site, tmp_path: Path
) -> None:
    path = detectors.install(served, tmp_path / "models", context=https_site.context)
    assert path == tmp_path / "models" / YUNET.file
    assert path.read_bytes() == CONTENT
    assert https_site.requests == ["/first", "/second"]


def test_what_is_there_already_is_not_downloaded_again(
    served: PublishedDetector, https_site: Site, tmp_path: Path
) -> None:
    for _ in range(2):
        detectors.install(served, tmp_path / "models", context=https_site.context)
    assert len(https_site.requests) == 2
    (tmp_path / "models" / YUNET.file).write_bytes(CONTENT[:-1])
    detectors.install(served, tmp_path / "models", context=https_site.context)
    assert (tmp_path / "models" / YUNET.file).read_bytes() == CONTENT


@pytest.mark.parametrize("content", [b"another", POINTER, CONTENT[:-1], b"", bytes(1_000_001)])
def test_any_other_content_is_refused(
    served: PublishedDetector, https_site: Site, tmp_path: Path, content: bytes
) -> None:
    https_site.pages |= {"/first": content, "/second": content}
    with pytest.raises(InputError, match=r"^YuNet cannot be downloaded: .*give it with --from$") as raised:
        detectors.install(served, tmp_path / "models", context=https_site.context)
    assert "\n" not in str(raised.value)
    assert stored(tmp_path / "models") == []


def test_the_real_addresses_are_pinned() -> None:
    assert isinstance(YUNET.source, Addresses)
    assert all(url.startswith("https://") and url.endswith(YUNET.file) for url in YUNET.source.urls)
    assert not any("/main/" in url for url in YUNET.source.urls)
    assert set(detector_files.NAMES) == set(PUBLISHED)


@pytest.mark.parametrize("name", detector_files.NAMES)
def test_without_a_network_the_remedy_is_named(
    models: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
        patch.setenv("PIP_CONFIG_FILE", "/dev/null")
        for variable in ("PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "HTTP_PROXY", "http_proxy"):
            patch.delenv(variable, raising=False)
        assert models("add", name) == InputError.exit_code
    (line,) = capsys.readouterr().err.splitlines()
    assert "Connection refused" in line
    assert "on a device without a network: " in line
    assert "--from" in line
    assert stored(tmp_path / "state") == []


@pytest.mark.parametrize(
    ("name", "content"),
    [("any.onnx", b"another"), ("any.onnx", POINTER), ("any.whl", b"PK\x03\x04"), ("any.onnx", b"")],
)
def test_a_file_that_is_another_is_refused(
    models: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, content: bytes
) -> None:
    (tmp_path / name).write_bytes(content)
    assert models("add", "yunet", "--from", name) == ModelError.exit_code
    (line,) = capsys.readouterr().err.splitlines()
    assert name in line
    assert "media.githubusercontent.com" in line
    assert stored(tmp_path / "state") == []


def test_a_file_that_is_far_too_large_is_not_read(
    models: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with (tmp_path / "any.onnx").open("wb") as stream:
        stream.truncate(1 << 32)
    assert models("add", "yunet", "--from", "any.onnx") == InputError.exit_code
    assert "is too large to be" in capsys.readouterr().err


def test_from_belongs_to_detectors(models: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    assert models("add", "mine.tflite", "--from", "any.onnx") == 2
    assert "yunet and blazeface" in capsys.readouterr().err


def entries(models: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    capsys.readouterr()
    assert models("list", "--json") == 0
    return [entry for entry in json.loads(capsys.readouterr().out) if entry.get("detector")]


def test_the_real_file_is_added_listed_verified_and_removed(
    yunet_file: Path, models: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert models("add", "yunet", "--from", yunet_file) == 0
    assert "MIT" in capsys.readouterr().out
    (entry,) = entries(models, capsys)
    assert (entry["name"], entry["file"], entry["licence"], entry["ok"]) == ("yunet", YUNET.file, "MIT", True)
    assert models("list") == 0
    assert "yunet: face detector; 0.2 MB, MIT, ok" in capsys.readouterr().out
    assert models("verify", "yunet") == 0
    assert f"{YUNET.file}: yunet: " in capsys.readouterr().out
    assert models("add", "yunet") == 0  # there is no network, and no need of one
    assert models("remove", "yunet") == 0
    assert entries(models, capsys) == []
    assert YUNET.file not in stored(tmp_path / "state")


@pytest.mark.parametrize("detector", [YUNET, BLAZEFACE], ids=lambda detector: detector.name)
def test_a_damaged_file_is_said_to_be_damaged(
    models: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str], detector: PublishedDetector
) -> None:
    path = tmp_path / "state" / "models" / detector.file
    path.parent.mkdir(parents=True)
    path.write_bytes(b"half of it")
    (entry,) = entries(models, capsys)
    assert (entry["ok"], entry["used"]) == (False, False)
    assert models("list") == 0
    assert f"damaged: {detector.command}" in capsys.readouterr().out
    for arguments in ((), (detector.name,)):
        assert models("verify", *arguments) == ModelError.exit_code
        (line,) = capsys.readouterr().err.splitlines()
        assert line.endswith(f"{path}: damaged: {detector.command}")


@pytest.mark.parametrize("command", ["remove", "verify"])
def test_what_is_not_installed_cannot_be_removed_or_verified(
    models: Callable[..., int], capsys: pytest.CaptureFixture[str], command: str
) -> None:
    assert models(command, "yunet") == InputError.exit_code
    assert "yunet: is not installed" in capsys.readouterr().err


def test_removing_what_the_configuration_asks_for_says_so(
    tmp_path: Path, models: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    del models  # for its folder alone
    path = tmp_path / "state" / "models" / BLAZEFACE.file
    path.parent.mkdir(parents=True)
    path.write_bytes(b"any")
    state = ("--set", f"node.state_dir={tmp_path}/state", "--set", "detector.kind=blazeface")
    assert main([*state, "models", "remove", "blazeface"]) == 0
    assert "still asks for it" in capsys.readouterr().out
