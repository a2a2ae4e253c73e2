"""Support archive for finding faults remotely, without secrets and pictures.

It contains only text, and each file passes a :class:`edge.diagnostics.secrets.Masker`. Stored data (sessions, events,
models) is listed by name and size only.
"""

from __future__ import annotations

import gzip
import io
import json
import tarfile
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edge.core.errors import InputError
from edge.util.files import replacing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path
    from typing import Any

    from edge.diagnostics.secrets import Masker

SUFFIXES = (".tar.gz", ".tgz")
_TEXT_MAX = 4_000_000
_README = """\
A support archive of FACE Edge, made by `face-edge doctor --bundle` on {when} UTC.

It holds no pictures, and no passwords, tokens or keys as far as they are known or look like such: *** stands in their
place. It does hold names: of this device, its network, its users and its operator, of sessions and of files. Look
through it before you hand it on; it is plain text throughout.

{contents}
"""


@dataclass(frozen=True, slots=True)
class Piece:
    """One file of the archive: what it is about, and its text or values for JSON. ``make`` may raise: that is told."""

    name: str
    about: str
    make: Callable[[], Any]


def write(path: Path, pieces: Iterable[Piece], mask: Masker) -> tuple[str, ...]:
    """Write the archive, readable by its owner alone, whole or not at all; gives the names of what is in it.

    Raises:
        InputError: ``path`` is not named like an archive, or cannot be written.
    """
    check(path)
    listed = list(pieces)
    now_s = int(time.time())
    texts = {piece.name: _text(piece, mask) for piece in listed}
    texts = {"README.txt": _readme(listed, now_s), **texts}
    with replacing(path, mode=0o600) as temporary:
        temporary.write_bytes(_packed(texts, _folder(path), now_s))
    return tuple(texts)


def check(path: Path) -> None:
    """Check that ``path`` has an archive's suffix, since an existing file is replaced.

    Raises:
        InputError: it has not.
    """
    if not path.name.endswith(SUFFIXES):
        msg = f"{path}: expected a name that ends in {' or '.join(SUFFIXES)}"
        raise InputError(msg)


def _text(piece: Piece, mask: Masker) -> str:
    try:
        made = piece.make()
    except Exception as error:  # noqa: BLE001 - what cannot be had is worth knowing, and the rest no less
        made = f"cannot be had: {type(error).__name__}: {error}"
    if isinstance(made, str):
        text = mask(made[-_TEXT_MAX:])
    else:
        text = json.dumps(mask.tree(made), indent=2, ensure_ascii=False, default=str)
    return (text.rstrip("\n") or "nothing") + "\n"


def _readme(pieces: list[Piece], now_s: int) -> str:
    width = max(len(piece.name) for piece in pieces) + 2
    contents = "\n".join(f"{piece.name:<{width}}{piece.about}" for piece in pieces)
    return _README.format(when=time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(now_s)), contents=contents)


def _packed(texts: dict[str, str], folder: str, now_s: int) -> bytes:
    packed = io.BytesIO()
    with (
        gzip.GzipFile("", "wb", fileobj=packed, mtime=now_s) as stream,
        tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for name, text in texts.items():
            content = text.encode("utf-8", "replace")
            member = tarfile.TarInfo(f"{folder}/{name}")
            member.size, member.mtime, member.mode = len(content), now_s, 0o600
            archive.addfile(member, io.BytesIO(content))
    return packed.getvalue()


def _folder(path: Path) -> str:
    return next(path.name.removesuffix(suffix) for suffix in SUFFIXES if path.name.endswith(suffix)) or "face-edge"
