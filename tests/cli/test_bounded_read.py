from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from edge.config import MqttConfig, load
from edge.core.errors import ConfigError, ModelError
from edge.inference.manifest import load as load_manifest
from edge.runtime import saved_switches
from edge.util.bounded_read import read_bounded


@pytest.fixture
def hostile(tmp_path: Path) -> dict[str, Path]:
    """Paths that never end, never begin, or are no files; each with what is said of it."""
    os.mkfifo(tmp_path / "pipe")
    with (tmp_path / "large").open("wb") as stream:
        stream.truncate(5 << 30)
    (tmp_path / "link").symlink_to("/dev/zero")
    return {
        "is a pipe or device": Path("/dev/zero"),
        "a pipe or device": tmp_path / "pipe",
        "pipe or device": tmp_path / "link",
        "is larger than 1,024 KiB": tmp_path / "large",
        "Is a directory": tmp_path,
        "No such file": tmp_path / "none",
    }


def test_what_never_ends_or_is_no_file_is_refused_at_once(hostile: dict[str, Path]) -> None:
    for said, path in hostile.items():
        with pytest.raises(OSError, match=said):
            read_bounded(path)


def test_a_file_is_read_whole(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x" * 1000)
    assert read_bounded(tmp_path / "file", 1000) == b"x" * 1000
    with pytest.raises(OSError, match="larger"):
        read_bounded(tmp_path / "file", 999)
    assert read_bounded(Path(os.devnull)) == b""


def test_a_configuration_that_never_ends_is_one_line(face_edge: Any, hostile: dict[str, Path]) -> None:
    for said, path in hostile.items():
        with pytest.raises(ConfigError, match=said) as raised:
            load(path, environment={})
        assert "\n" not in str(raised.value)
    done = face_edge("--config", "/dev/zero", "config", "check")
    assert done.returncode == 3
    assert (
        done.stderr == "face-edge: error: /dev/zero: is a pipe or device, not a file; give another file with --config\n"
    )


@pytest.mark.parametrize("text", ["a=" + "[" * 100_000, "a=" + "{b=" * 100_000, "a=" + "9" * 10_000])
def test_a_configuration_that_nests_or_counts_without_end_is_one_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.toml").write_text(text)
    with pytest.raises(ConfigError, match="is not valid TOML"):
        load(tmp_path / "x.toml", environment={})
    with pytest.raises(ConfigError, match="is not a valid TOML value"):
        load(environment={"FACE_EDGE_DISPLAY": text[2:] if text[2] in "[{" else f"[{text[2:]}]"})


def test_other_files_that_somebody_names_are_bounded_too(tmp_path: Path) -> None:
    (tmp_path / "x.json").symlink_to("/dev/zero")
    with pytest.raises(ModelError, match="pipe or device"):
        load_manifest(tmp_path / "x.tflite")
    (tmp_path / "settings.json").symlink_to("/dev/zero")
    assert saved_switches._load(tmp_path / "settings.json") == saved_switches.Settings()


OUR_PREFIXES = ["face-edge", "a", "site/floor-1", "Zürich/東京", "a/$b"]
OTHER_PREFIXES = [
    *("$SYS", "$share/x", "", "/", "a/", "/a", "a+", "#", "a b", "x" * 201),
    *("a\0b", "a\x01", "a\x7f", "a\x9b", "a\nb", "\u2028", "\u202e", "\ud800"),
]


@pytest.mark.parametrize("prefix", OTHER_PREFIXES)
def test_a_prefix_that_is_no_topic_of_ours_is_refused(prefix: str) -> None:
    for field in ({"prefix": prefix}, {"homeassistant": {"prefix": prefix}}):
        with pytest.raises(ValueError, match="prefix"):
            MqttConfig.model_validate(field)


@pytest.mark.parametrize("prefix", OUR_PREFIXES)
def test_other_prefixes_are_taken(prefix: str) -> None:
    assert MqttConfig(prefix=prefix).prefix == prefix


def test_a_refused_prefix_is_one_line(face_edge: Any) -> None:
    for prefix in ("$SYS", "a\nforged\x1b[2J"):
        done = face_edge("--set", f"mqtt.prefix={prefix}", "--set", "source.uri=virtual", "config", "check")
        assert done.returncode == 3
        (line,) = done.stderr.splitlines()
        assert line.startswith("face-edge: error: command line: mqtt.prefix: expected topic levels")
        assert line.isprintable()
