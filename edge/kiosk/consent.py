"""The context of use that the first operator states, kept in a small file: what the law asks differs by context.

Sources: Regulation (EU) 2024/1689 (AI Act), Art. 5(1)(f): inferring emotions of people at the workplace and in
education is prohibited but for medical or safety reasons; Art. 50(3): people exposed must be told.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal, get_args

from pydantic import BaseModel, ConfigDict, ValidationError

from edge.core.errors import InputError
from edge.util.bounded_read import read_bounded
from edge.util.files import write_text

if TYPE_CHECKING:
    from pathlib import Path

_LOG = logging.getLogger(__name__)
Context = Literal["audience", "exhibition", "research", "home", "health"]
CONTEXTS: tuple[Context, ...] = get_args(Context)
FORBIDDEN = ("work", "education")
"""Offered as well, so that whoever means them learns that they are prohibited."""


class Statement(BaseModel):
    """A statement of an operator, with its time."""

    model_config = ConfigDict(frozen=True)

    context: Context
    at: datetime


class Consent:
    """The statement in force; a file that is damaged counts as none. Without a ``path`` nothing is kept."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self.now = None if path is None else _load(path)

    def state(self, context: Context) -> Statement:
        """Put a statement in force and keep it."""
        self.now = Statement(context=context, at=datetime.now(UTC))
        if self._path is not None:
            try:
                write_text(self._path, self.now.model_dump_json(indent=2) + "\n")
            except InputError as error:
                _LOG.error("the context of use will be asked for again after a restart: %s", error)
        return self.now


def _load(path: Path) -> Statement | None:
    try:
        return Statement.model_validate_json(read_bounded(path))
    except (OSError, ValidationError):
        return None
