"""Reading of text files, plain or gzipped, with one-line errors."""

from __future__ import annotations

import gzip
import zlib
from contextlib import contextmanager
from typing import TYPE_CHECKING, cast

from edge.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import BinaryIO


@contextmanager
def open_csv(path: Path) -> Iterator[BinaryIO]:
    """Open a CSV file, plain or gzipped, as bytes.

    Raises:
        InputError: it cannot be read, now or later.
    """
    opener = gzip.open if path.suffix == ".gz" else open
    try:
        with opener(path, "rb") as stream:
            yield cast("BinaryIO", stream)
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        msg = f"{path}: cannot be read as a CSV file: {error}; fetch the data set again"
        raise InputError(msg) from error


def fields(line: bytes) -> list[bytes]:
    """Split a line into fields without surrounding blanks and quotes; these files have no commas inside fields."""
    return [field.strip(b' "\t') for field in line.rstrip(b"\r\n").split(b",")]


def header(line: bytes) -> list[str]:
    """Return the column names, without the byte order mark that some programs add."""
    return [field.decode() for field in fields(line.removeprefix(b"\xef\xbb\xbf"))]
