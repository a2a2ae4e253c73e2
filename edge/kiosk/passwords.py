"""Passwords and tokens as scrypt hashes (RFC 7914), from the standard library.

16 MiB and five passes (N = 2^14, r = 8, p = 5), one of the settings that OWASP's password storage cheat sheet calls
equal to its first choice and the one that asks least memory of a small board.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import secrets
from typing import TYPE_CHECKING, NamedTuple

from edge.core.errors import FileUnavailable
from edge.util.bounded_read import read_bounded
from edge.util.files import why_unreadable

if TYPE_CHECKING:
    from pathlib import Path

    from edge.config import KioskConfig


class _Cost(NamedTuple):
    log2_n: int
    r: int
    p: int


_COST = _Cost(log2_n=14, r=8, p=5)
SHORTEST = 8
LONGEST = 256
_SALT_BYTES, _KEY_BYTES = 16, 32
_FORM = re.compile(r"\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([\w+/]{16,64})\$([\w+/]{32,128})")
_MOST_LOG2_N, _MOST_BLOCKS, _MOST_PASSES = 16, 8, 16
_HASH_COMMAND = "make it with `face-edge kiosk password --output FILE`"


def make_hash(password: str) -> str:
    """One line in PHC form: ``$scrypt$ln=14,r=8,p=5$salt$key``."""
    salt = secrets.token_bytes(_SALT_BYTES)
    key = _derive(password, salt, _COST, _KEY_BYTES)
    return f"$scrypt$ln={_COST.log2_n},r={_COST.r},p={_COST.p}${_encode(salt)}${_encode(key)}"


def verify(password: str, made: str) -> bool:
    """Return whether ``made`` is a hash of ``password``; a wrong one takes as long."""
    cost, salt, key = _parts(made)
    if len(password) > LONGEST:
        return False
    return hmac.compare_digest(_derive(password, salt, cost, len(key)), key)


def read_hash(path: Path, setting: str) -> str:
    """Return the hash in the first line of ``path``.

    Raises:
        FileUnavailable: it cannot be read, or holds something else, such as the password itself.
    """
    try:
        line = read_bounded(path).decode("ascii").partition("\n")[0].strip()
    except (OSError, UnicodeDecodeError) as error:
        if isinstance(error, PermissionError):
            msg = f"{setting}: {path} cannot be read: {why_unreadable(path, error)}"
        else:
            why = error.strerror if isinstance(error, OSError) else "it is no text"
            msg = f"{setting}: {path} cannot be read ({why}): {_HASH_COMMAND}"
        raise FileUnavailable(msg) from None
    try:
        _parts(line)
    except ValueError:
        msg = f"{setting}: {path} holds no password hash: {_HASH_COMMAND}"
        raise FileUnavailable(msg) from None
    return line


def read_hashes(config: KioskConfig) -> tuple[str | None, str | None]:
    """Return the hashes of the operator's password and of the viewers' token, each where a file is named.

    Raises:
        ConfigError: files cannot be used; with all that is wrong.
    """
    problems: list[str] = []
    hashes: dict[str, str] = {}
    named = {"password_file": config.password_file, "viewer_token_file": config.viewer_token_file}
    for setting, path in named.items():
        if path is None:
            continue
        try:
            hashes[setting] = read_hash(path.expanduser(), f"kiosk.{setting}")
        except FileUnavailable as error:
            problems.extend(error.problems)
    if problems:
        raise FileUnavailable(*problems)
    return hashes.get("password_file"), hashes.get("viewer_token_file")


def _parts(made: str) -> tuple[_Cost, bytes, bytes]:
    match = _FORM.fullmatch(made)
    if match is None:
        msg = "no scrypt hash"
        raise ValueError(msg)
    cost = _Cost(*(int(match[number]) for number in (1, 2, 3)))
    if min(cost) < 1 or cost.p > _MOST_PASSES or cost.log2_n > _MOST_LOG2_N or cost.r > _MOST_BLOCKS:
        msg = "scrypt parameters out of bounds"
        raise ValueError(msg)
    return cost, _decode(match[4]), _decode(match[5])


def _derive(password: str, salt: bytes, cost: _Cost, length: int) -> bytes:
    n = 2**cost.log2_n
    memory = 128 * cost.r * (n + cost.p) + 2**20
    return hashlib.scrypt(password.encode(), salt=salt, n=n, r=cost.r, p=cost.p, maxmem=memory, dklen=length)


def _encode(data: bytes) -> str:
    return base64.b64encode(data).decode().rstrip("=")


def _decode(text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except binascii.Error as error:
        raise ValueError(str(error)) from None
