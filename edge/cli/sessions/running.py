"""``face-edge sessions start``, ``mark``, ``stop``: control the session of the running device."""

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
    "--kind",
    type=click.Choice(["film", "advertisement", "game", "private", "other"]),
    default="other",
    show_default=True,
)
@click.option("--length", type=Length(), metavar="TIME", help="It ends by itself after so long: 90s, 45m, 1:30:00.")
@click.option("--media", metavar="NAME", help="What is shown, by name; nothing is opened or kept.")
@click.option("--media-length", type=Length(), metavar="TIME", help="How long that is.")
@click.option(
    "--k",
    type=click.IntRange(min=1),
    metavar="N",
    help="Figures need N faces in view or more; sessions.k unless given. Fewer only with --agreed, for the kinds game "
    "and private.",
)
@click.option("--agreed", is_flag=True, help="All people in view agreed to that --k; the report says so.")
@pass_settings
def start(
    settings: Settings,
    title: str,
    *,
    kind: str,
    length: float | None,
    media: str | None,
    media_length: float | None,
    k: int | None,
    agreed: bool,
) -> None:
    """Begin a session called TITLE on the running device, and print its id."""
    if media is None and media_length is not None:
        msg = "--media-length needs --media"
        raise click.UsageError(msg)
    fields: dict[str, Any] = {"title": title, "kind": kind, "planned_s": length}
    if media is not None:
        fields["media"] = {"name": media, "duration_s": media_length}
    if k is not None:
        fields["k"] = k
    if agreed:
        fields["agreed"] = True
    answer = _ask(settings, "session_start", **fields)
    click.echo(answer["id"])
    if needs := figures_need(answer):
        click.echo(needs, err=True)
    _leave(answer)


def figures_need(session: dict[str, Any]) -> str:
    """Describe in one line when figures of a running session are withheld; empty if they never are."""
    k = session.get("k")
    if not k or k == 1:
        return ""
    hint = "" if session.get("agreed") else "; a game or private session may have fewer: --k 1 --agreed"
    return f"figures need {k} faces or more in view, with fewer only their number is kept{hint}"


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
    """Exit with a special code if the event is not on the disk yet."""
    if warning := answer.get("warning"):
        click.echo(warning, err=True)
        click.get_current_context().exit(NOT_ON_DISK)
