"""Session file of the configured device."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edge.cli.settings import Settings
    from edge.recording.file import SessionFile


@contextmanager
def opened(settings: Settings) -> Iterator[SessionFile]:
    """Open the session file for one command; without a running device, sessions without an end are interrupted.

    Raises:
        InputError: there is none, or it cannot be read.
    """
    from edge.recording.paths import find_sessions
    from edge.reports.library import reading
    from edge.runtime.local import control_paths, is_running

    config = settings.load()
    with reading(find_sessions(config)) as file:
        file.device_runs = is_running(control_paths(config))
        yield file
