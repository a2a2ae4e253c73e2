"""``face-edge sessions``: what was kept of sessions, and the one that runs."""

from __future__ import annotations

import json
import re
import shutil
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edge.cli.lazy import LazyCommand, LazyGroup
from edge.cli.settings import Settings, pass_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from edge.cli.progress import Progress
    from edge.sessions.file import SessionFile
    from edge.sessions.values import SessionRecord

_UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}
_FEWEST = 4


class Length(click.ParamType):  # type: ignore[type-arg]  # generic in newer clicks only
    """Seconds from ``90``, ``90s``, ``45m``, ``1.5h``, ``1:30`` or ``1:30:00``."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The text as seconds."""
        if isinstance(value, int | float):
            return float(value)
        text = str(value).strip().lower()
        if clock := re.fullmatch(r"(?:(\d+):)?(\d{1,3}):(\d{2})", text):
            hours, minutes, seconds = (int(part or 0) for part in clock.groups())
            return hours * 3600.0 + minutes * 60 + seconds
        if plain := re.fullmatch(r"(\d+(?:\.\d+)?)\s*([a-z]*)", text):
            number, unit = plain.groups()
            if unit in _UNITS:
                return float(number) * _UNITS[unit]
        msg = f"expected a time such as 90s, 45m, 1.5h or 1:30:00, found {value!r}"
        raise click.BadParameter(msg, ctx=ctx, param=param)


@click.group(
    cls=LazyGroup,
    lazy={
        name: LazyCommand(f"edge.cli.sessions:{function}", summary)
        for name, function, summary in (
            ("list", "list_", "List the sessions that are kept here."),
            ("show", "show", "Show one session's figures."),
            ("report", "report", "Write a session's report, one HTML file."),
            ("compare", "compare", "Write several sessions side by side, one HTML file."),
            ("export", "export", "Write a session's data as CSV, JSON or Parquet."),
            ("delete", "delete", "Delete sessions for good."),
            ("start", "start", "Begin a session on the running device."),
            ("mark", "mark", "Mark this moment on the running device."),
            ("stop", "stop", "End the session on the running device."),
        )
    },
)
def sessions() -> None:
    """Sessions kept on this device, and their reports.

    Reading works while the device runs and while it does not. A session is named by its id, by the beginning or end
    of it, or by `last`.
    """


@contextmanager
def _opened(settings: Settings) -> Iterator[SessionFile]:
    """The file of sessions.

    Raises:
        InputError: there is none, or it cannot be read.
    """
    from edge.errors import InputError
    from edge.sessions.faults import FileFault
    from edge.sessions.file import SessionFile
    from edge.sessions.places import find_sessions

    path = find_sessions(settings.load())
    try:
        if not path.exists():
            msg = f"{path}: there are no sessions yet: begin one with `face-edge sessions start`"
            raise InputError(msg)
        with SessionFile(path, timeout_s=5.0) as file:
            yield file
    except PermissionError:
        msg = f"{path}: only the user that runs the device, or root, may read it: use sudo"
        raise InputError(msg) from None
    except FileFault as fault:
        msg = f"{path}: {fault}; if another user runs the device, use sudo"
        raise InputError(msg) from None


def _chosen(file: SessionFile, word: str) -> SessionRecord:
    """The session that ``word`` names.

    Raises:
        InputError: none, or more than one.
    """
    from edge.errors import InputError

    records = file.sessions()
    if word.lower() == "last" and records:
        return records[0]
    wanted = word.upper()
    exact = [record for record in records if record.id == wanted]
    found = exact or [record for record in records if record.id.startswith(wanted) or record.id.endswith(wanted)]
    if len(found) == 1 and (exact or len(wanted) >= _FEWEST):
        return found[0]
    why = "names no session" if not found else f"names {len(found)} sessions: give more of the id"
    if found and len(wanted) < _FEWEST:
        why = f"is too short: give {_FEWEST} characters or more"
    msg = f"{word!r} {why}; `face-edge sessions list` shows them"
    raise InputError(msg)


def _progress(label: str) -> Progress:
    from edge.cli.progress import Progress

    return Progress(1000, label=label)


def _steps(bar: Progress) -> Callable[[int, int], None]:
    return lambda done, whole: bar.update(1000 * done / max(whole, 1))


@click.command("list")
@click.option("--json", "as_json", is_flag=True, help="A JSON document a line.")
@pass_settings
def list_(settings: Settings, *, as_json: bool) -> None:
    """List the sessions that are kept here, the newest first."""
    from edge.sessions.export import session_dict
    from edge.sessions.words import timecode

    with _opened(settings) as file:
        records = file.sessions()
    for record in records:
        if as_json:
            click.echo(json.dumps(session_dict(record), ensure_ascii=False))
            continue
        state = "running" if record.running else timecode(record.lasted_s)
        click.echo(
            f"{record.id}  {record.start.astimezone():%Y-%m-%d %H:%M}  {state:>8}  {record.kind:<13}  {record.title}"
        )
    if not records and not as_json:
        click.echo("no sessions are kept here", err=True)


@click.command
@click.argument("session")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@pass_settings
def show(settings: Settings, session: str, *, as_json: bool) -> None:
    """Show one session's figures."""
    from edge.sessions import words
    from edge.sessions.export import session_dict
    from edge.sessions.moments import markers_of, strongest
    from edge.sessions.spans import time_use
    from edge.sessions.timeline import Timeline
    from edge.types import EMOTIONS

    with _opened(settings) as file:
        recording = file.recording(_chosen(file, session))
    timeline, markers = Timeline.of(recording), markers_of(recording.happenings)
    use, moments = time_use(recording, timeline), strongest(timeline, markers)
    shares = {emotion.value: timeline.mean(timeline.share(emotion)) for emotion in EMOTIONS}
    valence, attention = timeline.mean(timeline.valence), timeline.mean_in_time(timeline.attention)
    if as_json:
        figures = {"shares": shares, "valence": valence, "attention": attention, "measured_s": use.measured_s,
                   "suppressed_s": use.suppressed_s, "markers": len(markers)}  # fmt: skip
        click.echo(json.dumps(session_dict(recording.record) | {"figures": figures}, ensure_ascii=False))
        return
    click.echo(f"{recording.record.name}  ({recording.record.id})")
    click.echo(words.summary(recording.record, timeline, use, moments, 0.0))
    for name, share in sorted(shares.items(), key=lambda item: -(item[1] or 0.0)):
        click.echo(f"  {name:<10}{words.percent(share):>10}")
    click.echo(f"  {'valence':<10}{words.signed(valence):>10}")
    click.echo(f"  {'attention':<10}{words.percent(attention):>10}")
    for marker in markers:
        click.echo(f"  marker at {words.timecode(marker.at_s)}  {marker.label or ''}".rstrip())
    click.echo(words.APPARENT)


_OUT = click.Path(path_type=Path, dir_okay=False)
_FORCE = click.option("--force", is_flag=True, help="Overwrite FILE.")
_FILM = click.option(
    "--media-start", type=Length(), default=0.0, metavar="TIME",
    help="When the film began, after the session's start; times are then the film's own.",
)  # fmt: skip


@click.command
@click.argument("session")
@click.option("--out", type=_OUT, required=True, metavar="FILE.html", help="The file to write.")
@_FILM
@_FORCE
@pass_settings
def report(settings: Settings, session: str, out: Path, media_start: float, *, force: bool) -> None:
    """Write a session's report, one HTML file that opens anywhere and prints on A4."""
    from edge.files import write_text
    from edge.sessions.report import report as page

    with _opened(settings) as file:
        recording = file.recording(_chosen(file, session))
    _free(out, force=force)
    with _progress("drawing") as bar:
        text = page(recording, media_start_s=media_start, progress=_steps(bar))
    write_text(out, text, overwrite=force)
    click.echo(out)


@click.command
@click.argument("session", nargs=-1, required=True)
@click.option("--out", type=_OUT, required=True, metavar="FILE.html", help="The file to write.")
@_FILM
@_FORCE
@pass_settings
def compare(settings: Settings, session: tuple[str, ...], out: Path, media_start: float, *, force: bool) -> None:
    """Write several sessions side by side, one HTML file."""
    from edge.files import write_text
    from edge.sessions.compare import comparison

    with _opened(settings) as file:
        chosen = {record.id: record for record in (_chosen(file, word) for word in session)}
        recordings = [file.recording(record) for record in chosen.values()]
    _free(out, force=force)
    with _progress("drawing") as bar:
        text = comparison(recordings, media_start_s=media_start, progress=_steps(bar))
    write_text(out, text, overwrite=force)
    click.echo(out)


@click.command
@click.argument("session")
@click.option("--format", "form", type=click.Choice(["csv", "json", "parquet"]), default="csv", show_default=True)
@click.option("--out", type=_OUT, metavar="FILE", help="The file to write; otherwise standard output.")
@_FORCE
@pass_settings
def export(settings: Settings, session: str, form: str, out: Path | None, *, force: bool) -> None:
    """Write a session's data: a row a second, and in JSON and Parquet its events."""
    from edge.files import replacing
    from edge.sessions.export import write

    if out is None and form == "parquet":
        msg = "a Parquet file needs a name: give --out FILE.parquet"
        raise click.UsageError(msg)
    with _opened(settings) as file:
        recording = file.recording(_chosen(file, session))
    with _progress("writing") as bar:
        if out is not None:
            with replacing(out, overwrite=force) as temporary:
                write(recording, temporary, form, progress=_steps(bar))
            click.echo(out)
            return
        with tempfile.TemporaryDirectory(prefix="face-edge-") as folder:
            temporary = Path(folder, "session")
            write(recording, temporary, form)
            with temporary.open(encoding="utf-8") as stream:
                shutil.copyfileobj(stream, sys.stdout)


@click.command
@click.argument("session", nargs=-1, required=True)
@click.option("--yes", is_flag=True, help="Do not ask.")
@pass_settings
def delete(settings: Settings, session: tuple[str, ...], *, yes: bool) -> None:
    """Delete sessions for good; their bytes are overwritten."""
    from edge.errors import InputError

    with _opened(settings) as file:
        chosen = {record.id: record for record in (_chosen(file, word) for word in session)}
        for record in chosen.values():
            if record.running:
                msg = f"session {record.name!r} is running: end it first with `face-edge sessions stop`"
                raise InputError(msg)
        for record in chosen.values():
            question = f"Delete {record.name!r} of {record.start.astimezone():%Y-%m-%d %H:%M}?"
            if yes or click.confirm(question, err=True):
                file.delete(record.id)
                click.echo(f"deleted {record.id}")


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
    click.echo(_ask(settings, "session_start", **fields)["id"])


@click.command
@click.argument("label", default="")
@pass_settings
def mark(settings: Settings, label: str) -> None:
    """Mark this moment as LABEL on the running device."""
    event = _ask(settings, "marker", label=label)
    if event.get("session") is None:
        click.echo("marked, but no session is running: the mark is published and not kept", err=True)


@click.command
@pass_settings
def stop(settings: Settings) -> None:
    """End the session on the running device, and print its id."""
    click.echo(_ask(settings, "session_stop")["id"])


def _ask(settings: Settings, request: str, **fields: Any) -> dict[str, Any]:
    from edge.runtime.local import ask, control_paths

    return ask(control_paths(settings.load()), request, **fields)


def _free(path: Path, *, force: bool) -> None:
    """Refuse before the work is done rather than after it."""
    from edge.errors import InputError
    from edge.files import already_there

    if path.exists() and not force:
        raise InputError(already_there(path))
