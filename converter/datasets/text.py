"""Reading text files, plain or gzipped, so that whatever is wrong with them ends as one line."""

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
    """A CSV file, plain or gzipped, as bytes.

    Raises:
        InputError: it cannot be read, now or later while it is read.
    """
    opener = gzip.open if path.suffix == ".gz" else open
    try:
        with opener(path, "rb") as stream:
            yield cast("BinaryIO", stream)
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        msg = f"{path}: cannot be read as a CSV file: {error}; fetch the data set again"
        raise InputError(msg) from error


def fields(line: bytes) -> list[bytes]:
    """The fields of a line, without blanks and quotes around them; none of these files has a comma inside a field."""
    return [field.strip(b' "\t') for field in line.rstrip(b"\r\n").split(b",")]


def header(line: bytes) -> list[str]:
    """Names of the columns, without the byte order mark that some programs put in front."""
    return [field.decode() for field in fields(line.removeprefix(b"\xef\xbb\xbf"))]
