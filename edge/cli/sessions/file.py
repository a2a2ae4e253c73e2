"""The device's file of sessions, found through the configuration."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edge.cli.settings import Settings
    from edge.sessions.file import SessionFile


@contextmanager
def opened(settings: Settings) -> Iterator[SessionFile]:
    """The file of sessions, for one command.

    Raises:
        InputError: there is none, or it cannot be read.
    """
    from edge.sessions.library import reading
    from edge.sessions.places import find_sessions

    with reading(find_sessions(settings.load())) as file:
        yield file
