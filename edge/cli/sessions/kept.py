"""``face-edge sessions list``, ``show``, ``delete``: the sessions stored on this device."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from edge.cli.sessions.file import opened
from edge.cli.settings import pass_settings
from edge.util.text import in_one_line, json_text

if TYPE_CHECKING:
    from edge.cli.settings import Settings

_SUM_UP_S = 1.0
"""How long a list sums sessions up that have no summary yet."""


@click.command("list")
@click.option("--json", "as_json", is_flag=True, help="A JSON document a line.")
@pass_settings
def list_(settings: Settings, *, as_json: bool) -> None:
    """List the sessions that are kept here, the newest first."""
    from edge.recording.summaries import counts_only, session_summaries
    from edge.recording.timecode import timecode
    from edge.reports.export import session_dict

    with opened(settings) as file:
        records = file.sessions()
        figures = {} if as_json else session_summaries(file, records, limit_s=_SUM_UP_S)
    for record in records:
        if as_json:
            click.echo(json_text(session_dict(record)))
            continue
        summary = figures.get(record.id)
        note = "  (counts only: too few faces)" if summary is not None and counts_only(record, summary) else ""
        note += f"  (k = {record.k}, agreed)" if record.agreed else ""
        note += "  (interrupted)" if record.ended_by == "interruption" else ""
        state = "running" if record.running else timecode(record.lasted_s)
        began = f"{record.start.astimezone():%Y-%m-%d %H:%M}"
        click.echo(f"{record.id}  {began}  {state:>8}  {record.kind:<13}  {in_one_line(record.title)}{note}")
    if not records and not as_json:
        click.echo("no sessions are kept here", err=True)


@click.command
@click.argument("session")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@pass_settings
def show(settings: Settings, session: str, *, as_json: bool) -> None:
    """Show one session's figures."""
    from edge.reports import text
    from edge.reports.export import session_dict
    from edge.reports.library import choose, digest

    with opened(settings) as file:
        recording = file.recording(choose(file, session))
    told = digest(recording)
    if as_json:
        figures = {"shares": told.shares, "valence": told.valence, "attention": told.attention,
                   "people": told.people, "measured_s": told.use.measured_s, "suppressed_s": told.use.suppressed_s,
                   "markers": len(told.markers)}  # fmt: skip
        click.echo(json_text(session_dict(recording.record) | {"figures": figures}))
        return
    click.echo(f"{in_one_line(recording.record.name)}  ({recording.record.id})")
    click.echo(f"{text.ending(recording.record).capitalize()}.")
    click.echo(text.summary(recording.record, told.timeline, told.use, told.moments, told.clock))
    if told.timeline.has_figures:
        part, length = text.percent(told.use.part), text.duration(told.use.measured_s)
        click.echo(f"Of {part} of the session ({length}), which figures come from:")
    for name, share in sorted(told.shares.items(), key=lambda item: -(item[1] or 0.0)):
        click.echo(f"  {name:<10}{text.percent(share):>10}")
    click.echo(f"  {'valence':<10}{text.signed(told.valence):>10}")
    click.echo(f"  {'attention':<10}{text.percent(told.attention):>10}")
    for marker in told.markers:
        click.echo(f"  marker at {told.clock.code(marker.at_s)}  {in_one_line(marker.label or '')}".rstrip())
    click.echo(text.APPARENT)


@click.command
@click.argument("session", nargs=-1, required=True)
@click.option("--yes", is_flag=True, help="Do not ask.")
@pass_settings
def delete(settings: Settings, session: tuple[str, ...], *, yes: bool) -> None:
    """Delete sessions for good; their bytes are overwritten."""
    from edge.reports.library import choose_all, finished

    with opened(settings) as file:
        chosen = choose_all(file, session)
        for record in finished(chosen):
            question = f"Delete {record.name!r} of {record.start.astimezone():%Y-%m-%d %H:%M}?"
            if yes or click.confirm(question, err=True):
                file.delete(record.id)
                click.echo(f"deleted {record.id}")
