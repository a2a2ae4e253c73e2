"""What reads strangers' files, with its versions, in the support archive."""

from __future__ import annotations

import re
import sqlite3
from importlib import metadata
from typing import TYPE_CHECKING

import av
import cv2
import numpy as np
import PIL

from edge import config as configuration
from edge.diagnostics import evidence, readers

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_every_reader_is_named_with_its_version_and_what_is_inside() -> None:
    found = readers.versions()
    named = found["readers"]
    assert list(named) == list(readers.READS)
    assert named["opencv"]["version"] == cv2.__version__
    assert named["pyav"]["version"] == av.__version__
    assert named["pillow"]["version"] == PIL.__version__
    assert named["numpy"]["version"] == np.__version__
    assert named["sqlite"]["version"] == sqlite3.sqlite_version
    assert re.match(r"(ai-edge-litert|tflite-runtime) \d", named["runtime"]["version"])
    assert named["openssl"]["version"].startswith("OpenSSL")
    assert all(each["reads"] for each in named.values())
    codec = ".".join(map(str, av.library_versions["libavcodec"]))
    assert named["pyav"]["libraries"]["libavcodec"] == codec
    inside = named["opencv"]["libraries"]
    assert all(re.search(r"\d\.\d", inside[name]) for name in ("JPEG", "PNG", "TIFF", "avcodec")), inside
    assert named["pillow"]["libraries"]["libtiff"]
    assert found["packages"]["h11"] == metadata.version("h11")


def test_one_that_cannot_be_loaded_says_why_and_the_rest_is_there(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "PIL").mkdir()
    (tmp_path / "PIL/__init__.py").write_text("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    named = readers.versions()["readers"]
    assert named["pillow"]["version"] is None
    assert "SIGSEGV" in named["pillow"]["fault"]
    assert named["opencv"]["version"] == cv2.__version__


def test_the_support_archive_has_them() -> None:
    config = configuration.load(environment={}, flags={})
    pieces = {piece.name: piece for piece in evidence.pieces(config, (), "")}
    assert set(pieces["readers.json"].make()["readers"]) == set(readers.READS)
