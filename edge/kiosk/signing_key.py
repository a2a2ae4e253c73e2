"""The key that signs cookies, kept in the state folder so that logins outlive a restart."""

from __future__ import annotations

import logging
import secrets
from typing import TYPE_CHECKING

from edge.core.errors import InputError
from edge.util.files import write_text

if TYPE_CHECKING:
    from pathlib import Path

_LOG = logging.getLogger(__name__)
KEY_BYTES = 32


def load_or_create(path: Path) -> bytes:
    """Return the key in ``path``, readable by the device alone; create it where there is none."""
    try:
        kept = bytes.fromhex(path.read_text(encoding="ascii"))
    except (OSError, ValueError):
        kept = b""
    if len(kept) == KEY_BYTES:
        return kept
    created = secrets.token_bytes(KEY_BYTES)
    try:
        write_text(path, created.hex(), mode=0o600)
    except InputError as error:
        _LOG.warning("who is logged in will have to log in again after a restart: %s", error)
    return created
