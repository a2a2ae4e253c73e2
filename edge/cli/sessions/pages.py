"""``face-edge sessions report``, ``compare``, ``export``: write files about sessions."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edge.cli.sessions.file import opened
from edge.cli.sessions.length import Length
from edge.cli.settings import pass_settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge.cli.progress import Progress
    from edge.cli.settings import Settings
    from edge.recording.values import Recording

_OUT = click.Path(path_type=Path, dir_okay=False)
_FORCE = click.option("--force", is_flag=True, help="Overwrite FILE.")
_FILM = click.option(
    "--media-start", type=Length(), metavar="TIME",
    help="When the film began, after the session's start; times are then the film's own. Not needed where the device "
    "played it.",
)  # fmt: skip


@click.command
@click.argument("session")
@click.option("--out", type=_OUT, required=True, metavar="FILE.html", help="The file to write.")
@_FILM
@_FORCE
@pass_settings
def report(settings: Settings, session: str, out: Path, media_start: float | None, *, force: bool) -> None:
    """Write a session's report, one HTML file that opens anywhere and prints on A4."""
    from edge.recording.summaries import counts_only, session_summaries
    from edge.reports import page_cache
    from edge.reports.library import choose
    from edge.util.files import write_text

    with opened(settings) as file:
        record = choose(file, session)
        text = (page_cache.find(file, record) if media_start is None else None) or ""
        recording = None if text else file.recording(record)
        figures = session_summaries(file, [record])[record.id]
    _free(out, force=force)
    if recording is not None:
        text = _drawn(settings, recording, media_start)
    write_text(out, text, overwrite=force)
    click.echo(out)
    if note := counts_only(record, figures):
        click.echo(f"{note}: the report has counts only", err=True)


def _drawn(settings: Settings, recording: Recording, media_start: float | None) -> str:
    """Render the page of ``recording`` and store it."""
    from edge.reports import page_cache
    from edge.reports.report import report as page

    with _progress("drawing") as bar:
        text = page(recording, media_start_s=media_start, progress=_steps(bar))
    if media_start is None:
        with opened(settings) as file:
            page_cache.keep(file, recording.record, text)
    return text


@click.command
@click.argument("session", nargs=-1, required=True)
@click.option("--out", type=_OUT, required=True, metavar="FILE.html", help="The file to write.")
@_FILM
@_FORCE
@pass_settings
def compare(settings: Settings, session: tuple[str, ...], out: Path, media_start: float | None, *, force: bool) -> None:
    """Write several sessions side by side, one HTML file."""
    from edge.reports.compare import comparison
    from edge.reports.library import choose_all
    from edge.util.files import write_text

    with opened(settings) as file:
        recordings = [file.recording(record) for record in choose_all(file, session)]
    _free(out, force=force)
    with _progress("drawing") as bar:
        text = comparison(recordings, media_start_s=media_start, progress=_steps(bar))
    write_text(out, text, overwrite=force)
    click.echo(out)


@click.command
@click.argument("session")
@click.option("--format", "form", type=click.Choice(["csv", "json", "parquet"]), default="csv", show_default=True,
    help="Parquet wants the extra `parquet`.",
)  # fmt: skip
@click.option("--out", type=_OUT, metavar="FILE", help="The file to write; otherwise standard output.")
@_FORCE
@pass_settings
def export(settings: Settings, session: str, form: str, out: Path | None, *, force: bool) -> None:
    """Write a session's data: a row a second, and in JSON and Parquet its events."""
    from edge.reports.export import write
    from edge.reports.library import choose
    from edge.util.files import replacing

    if out is None and form == "parquet":
        msg = "a Parquet file needs a name: give --out FILE.parquet"
        raise click.UsageError(msg)
    with opened(settings) as file:
        recording = file.recording(choose(file, session))
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


def _progress(label: str) -> Progress:
    from edge.cli.progress import Progress

    return Progress(1000, label=label)


def _steps(bar: Progress) -> Callable[[int, int], None]:
    return lambda done, whole: bar.update(1000 * done / max(whole, 1))


def _free(path: Path, *, force: bool) -> None:
    """Check the output before the work instead of after it."""
    from edge.core.errors import InputError
    from edge.util.files import already_there

    if path.exists() and not force:
        raise InputError(already_there(path))
