"""Input files: selection, kinds, and paths of annotated copies."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from edge.core.errors import InputError
from edge.sources import regular
from edge.sources.picture_data import foreign_format
from edge.util.text import in_one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

PICTURE_SUFFIXES = frozenset({".jpg", ".jpeg", ".jpe", ".png", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm"})
_ODD_PICTURE_SUFFIXES = frozenset({".jfif", ".mpo", ".heic", ".heif", ".hif", ".avif"})
"""What phones and browsers call pictures, too; copies of these become PNG, and what cannot be read says so."""
VIDEO_SUFFIXES = frozenset(
    {".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".mts", ".m2ts", ".wmv", ".flv", ".3gp"}
    | {".ogv", ".mjpeg", ".h264", ".gif"}
)
_PICTURE_STARTS = (b"\xff\xd8\xff", b"\x89PNG\r\n", b"BM", b"II*\x00", b"MM\x00*", b"P5", b"P6")


class Kind(StrEnum):
    """What a file is read as."""

    PICTURE = "picture"
    VIDEO = "video"


@dataclass(frozen=True, slots=True)
class Item:
    """One file to read; ``label`` is its path relative to the given folder, also used in the output folder."""

    path: Path
    kind: Kind
    label: Path


@dataclass(frozen=True, slots=True)
class Inputs:
    """Files to read, and one error for each unusable path."""

    items: tuple[Item, ...]
    problems: tuple[InputError, ...]


def gather(paths: Iterable[Path], *, recursive: bool = False, leave_out: Path | None = None) -> Inputs:
    """Find the pictures and videos that ``paths`` name; those of a folder are sorted by name, each file occurs once.

    Args:
        paths: files and folders.
        recursive: search subfolders, too.
        leave_out: the folder of results, which is skipped if it lies in a searched folder.

    Raises:
        InputError: nothing was found, and there is no other problem.
    """
    items: dict[Path, Item] = {}
    problems: list[InputError] = []
    given = list(paths)
    for path in given:
        try:
            for found in _items(path, recursive=recursive):
                if isinstance(found, InputError):
                    problems.append(found)
                elif not _is_result(found.path, path, leave_out):
                    items.setdefault(_real(found.path), found)
        except InputError as error:
            problems.append(error)
    if not items and not problems:
        more = "" if recursive else "; give --recursive to look into the folders in it"
        msg = f"{', '.join(printable(path) for path in given)}: no picture or video there{more}"
        raise InputError(msg)
    return Inputs(tuple(items.values()), tuple(problems))


def _is_result(path: Path, asked_for: Path, results: Path | None) -> bool:
    """Return whether a file is the result of an earlier run; one named itself, or whose folder was named, is not."""
    if results is None:
        return False
    folder, asked_for = _real(results), _real(asked_for)
    return _real(path).is_relative_to(folder) and folder != asked_for and folder.is_relative_to(asked_for)


def copies(items: Iterable[Item], folder: Path) -> dict[Item, Path]:
    """Return the path of each item's annotated copy: its own name, with a number added on collisions.

    Raises:
        InputError: a copy would overwrite an original.
    """
    originals: dict[Path, Item] = {}
    taken: set[Path] = set()
    places: dict[Item, Path] = {}
    for item in items:
        originals[_real(item.path)] = item
        wanted = folder / _copy_name(item)
        place, number = wanted, 2
        while place in taken:
            place, number = wanted.with_name(f"{wanted.stem}-{number}{wanted.suffix}"), number + 1
        taken.add(place)
        places[item] = place
    for place in places.values():
        if _real(place) in originals:
            msg = f"{printable(place)}: the annotated copy would overwrite the original; give --annotate another folder"
            raise InputError(msg)
    return places


def _real(path: Path) -> Path:
    """Resolve links; unlike ``Path.resolve`` also for a link that leads to itself."""
    return Path(os.path.realpath(path))


def printable(path: Path | str) -> str:
    """Return a path as text; bytes that are not UTF-8, and unprintable characters, are replaced."""
    return in_one_line(os.fsencode(path).decode("utf-8", "replace"))


def _copy_name(item: Item) -> Path:
    if item.kind is Kind.VIDEO:
        return item.label.with_suffix(".mp4")
    return item.label if item.label.suffix.lower() in PICTURE_SUFFIXES else item.label.with_suffix(".png")


def _items(path: Path, *, recursive: bool) -> Iterator[Item | InputError]:
    try:
        if path.is_dir():
            yield from _items_in(path, recursive=recursive)
            return
        # a missing file has its own line below; opening a pipe would wait for a writer for ever
        if path.exists() and (why := regular.fault(path)):
            raise InputError(printable(why))
        with path.open("rb") as stream:
            start = stream.read(16)
    except OSError as error:
        raise _unreadable(path, error, "check the path and its permissions") from None
    yield Item(path, _kind(path) or _sniffed(start), Path(path.name))


def _items_in(folder: Path, *, recursive: bool) -> Iterator[Item | InputError]:
    """Yield the items of a folder, and an error for each subfolder that cannot be read."""
    try:
        entries = sorted(folder.iterdir(), key=lambda entry: os.fsencode(entry.name))
    except OSError as error:
        yield _unreadable(folder, error, "check its permissions")
        return
    for entry in entries:
        if entry.name.startswith("."):
            continue
        try:
            is_folder, is_link = entry.is_dir(), entry.is_symlink()
        except OSError as error:  # a folder that may be listed, but not entered
            yield _unreadable(entry, error, "check its permissions")
            continue
        if is_folder:
            # a link to a folder could lead in a circle
            if recursive and not is_link:
                for found in _items_in(entry, recursive=True):
                    yield found if isinstance(found, InputError) else replace(found, label=entry.name / found.label)
        elif kind := _kind(entry):
            yield Item(entry, kind, Path(entry.name))


def _unreadable(path: Path, error: OSError, remedy: str) -> InputError:
    return InputError(f"{printable(path)}: {error.strerror or error}; {remedy}")


def _kind(path: Path) -> Kind | None:
    suffix = path.suffix.lower()
    if suffix in PICTURE_SUFFIXES | _ODD_PICTURE_SUFFIXES:
        return Kind.PICTURE
    return Kind.VIDEO if suffix in VIDEO_SUFFIXES else None


def _sniffed(start: bytes) -> Kind:
    """Return the kind of a file by its first bytes, if its suffix is not known."""
    webp = start[:4] == b"RIFF" and start[8:12] == b"WEBP"
    return Kind.PICTURE if webp or foreign_format(start) or start.startswith(_PICTURE_STARTS) else Kind.VIDEO
