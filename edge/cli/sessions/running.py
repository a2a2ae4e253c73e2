"""``face-edge sessions start``, ``mark``, ``stop``: the session of the running device."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from edge.cli.sessions.length import Length
from edge.cli.settings import pass_settings

if TYPE_CHECKING:
    from edge.cli.settings import Settings

NOT_ON_DISK = 10
"""Exit code of a command that the device has done, but not stored yet."""


@click.command
@click.argument("title", default="")
@click.option(
    "--kind", type=click.Choice(["film", "advertisement", "game", "other"]), default="other", show_default=True
)
@click.option("--length", type=Length(), metavar="TIME", help="It ends by itself after so long: 90s, 45m, 1:30:00.")
@click.option("--media", metavar="NAME", help="What is shown, by name; nothing is opened or kept.")
@click.option("--media-length", type=Length(), metavar="TIME", help="How long that is.")
@pass_settings
def start(
    settings: Settings, title: str, *, kind: str, length: float | None, media: str | None, media_length: float | None
) -> None:
    """Begin a session called TITLE on the running device, and print its id."""
    if media is None and media_length is not None:
        msg = "--media-length needs --media"
        raise click.UsageError(msg)
    fields: dict[str, Any] = {"title": title, "kind": kind, "planned_s": length}
    if media is not None:
        fields["media"] = {"name": media, "duration_s": media_length}
    answer = _ask(settings, "session_start", **fields)
    click.echo(answer["id"])
    _leave(answer)


@click.command
@click.argument("label", default="")
@pass_settings
def mark(settings: Settings, label: str) -> None:
    """Mark this moment as LABEL on the running device."""
    event = _ask(settings, "marker", label=label)
    if event.get("session") is None:
        click.echo("marked, but no session is running: the mark is published and not kept", err=True)
    _leave(event)


@click.command
@pass_settings
def stop(settings: Settings) -> None:
    """End the session on the running device, and print its id."""
    answer = _ask(settings, "session_stop")
    click.echo(answer["id"])
    _leave(answer)


def _ask(settings: Settings, request: str, **fields: Any) -> dict[str, Any]:
    from edge.runtime.local import ask, control_paths

    return ask(control_paths(settings.load()), request, **fields)


def _leave(answer: dict[str, Any]) -> None:
    """End with an exit code of its own where what was done is not on the disk yet."""
    if warning := answer.get("warning"):
        click.echo(warning, err=True)
        click.get_current_context().exit(NOT_ON_DISK)
