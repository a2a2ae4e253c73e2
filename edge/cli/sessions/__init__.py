"""``face-edge sessions``: recorded sessions, and the running one."""

from __future__ import annotations

import click

from edge.cli.lazy import LazyCommand, LazyGroup


@click.group(
    cls=LazyGroup,
    lazy={
        name: LazyCommand(f"edge.cli.sessions.{target}", summary)
        for name, target, summary in (
            ("list", "kept:list_", "List the sessions that are kept here."),
            ("show", "kept:show", "Show one session's figures."),
            ("report", "pages:report", "Write a session's report, one HTML file."),
            ("compare", "pages:compare", "Write several sessions side by side, one HTML file."),
            ("export", "pages:export", "Write a session's data as CSV, JSON or Parquet."),
            ("delete", "kept:delete", "Delete sessions for good."),
            ("start", "running:start", "Begin a session on the running device."),
            ("mark", "running:mark", "Mark this moment on the running device."),
            ("stop", "running:stop", "End the session on the running device."),
        )
    },
)
def sessions() -> None:
    """Sessions kept on this device, and their reports.

    Reading works while the device runs and while it does not. A session is named by its id, by the beginning or end
    of it, or by `last`.
    """
