"""``face-edge analyze``: pictures, folders and videos to text, JSON Lines, CSV and annotated copies."""

from __future__ import annotations

import csv
import signal
import sys
import time
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edge.cli.progress import Progress
from edge.cli.settings import Settings, pass_settings
from edge.core.errors import InputError, OutputError
from edge.util.text import in_one_line, json_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

    from edge.analysis.engine import Analyzer, Sampling
    from edge.analysis.inputs import Inputs, Item
    from edge.analysis.records import Result, Totals
    from edge.config import Config
    from edge.core.labels import LabelSet

_FACES_NAMED = 8
_TERMINATED = 128 + signal.SIGTERM


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="PATH...")
@click.option("-r", "--recursive", is_flag=True, help="Look into folders within folders.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON Lines: one object per picture or frame looked at.")
@click.option("--csv", "csv_path", type=click.Path(path_type=Path), metavar="FILE", help="Write a row per face.")
@click.option(
    "--annotate",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Write copies with boxes, names and bars; videos as MP4 (H.264) with their sound.",
)
@click.option("--every", type=click.FloatRange(min=0), metavar="SECONDS", help="Look at one frame per so many seconds.")
@click.option(
    "--fps", type=click.FloatRange(min=0, min_open=True), help="Look at so many frames a second; 10 unless told."
)
@pass_settings
def analyze(
    settings: Settings,
    *,
    paths: tuple[Path, ...],
    csv_path: Path | None,
    folder: Path | None,
    every: float | None,
    fps: float | None,
    recursive: bool,
    as_json: bool,
) -> None:
    r"""Read the faces in pictures, folders and videos.

    A line per file on standard output, or with --json an object per picture or frame:

    \b
    {"path", "frame", "time_s", "width", "height", "faces": [{"box": [x, y, w, h],
     "emotion", "confidence", "uncertain", "primary", "scores": {"angry": …}}]}

    "frame" and "time_s" are null for pictures. Files that cannot be read get a line on standard error, the others are
    still done, and the exit code is 4.
    """
    if every is not None and fps is not None:
        msg = "--every and --fps say the same thing: give one of them"
        raise click.UsageError(msg)
    from edge.analysis.inputs import copies, gather
    from edge.pipelines import factory

    config = settings.load()
    inputs = gather(paths, recursive=recursive, leave_out=folder)
    places = {} if folder is None else copies(inputs.items, folder)
    _check_copies(places)
    sampling = _sampling(config, every, fps)
    with _ended_by_sigterm(), ExitStack() as resources:
        analyzer = resources.enter_context(closing(_analyzer(config, sampling, places)))
        writers: list[Callable[[Result], None]] = [_print_json] if as_json else []
        if csv_path is not None:
            writers.append(resources.enter_context(_csv_rows(csv_path, factory.labels(config))))
        bad = _run(analyzer, inputs, writers, talk=not as_json)
    if bad:
        click.get_current_context().exit(InputError.exit_code)


def _run(analyzer: Analyzer, inputs: Inputs, writers: list[Callable[[Result], None]], *, talk: bool) -> int:
    """Process all inputs; return the number of files that could not be read."""
    from edge.analysis.records import Totals

    started_s = time.monotonic()
    total = Totals()
    problems = list(inputs.problems)
    # documents on a terminal would run into the bar
    with Progress(len(inputs.items), hidden=not talk and sys.stdout.isatty()) as progress:
        for error in problems:
            _complain(error, progress)
        for index, item in enumerate(inputs.items):
            own = Totals()
            try:
                for result in _counted(analyzer, item, own, total):
                    for write in writers:
                        write(result)
                    progress.update(index + result.done)
            except OutputError:
                raise
            except InputError as error:
                problems.append(error)
                _complain(error, progress)
                if own.last is None:
                    continue
            if talk:  # what was seen counts also where its copy cannot be written, or only a part could be read
                progress.print(_line(item, own))
    click.echo(_summary(total, time.monotonic() - started_s), err=True)
    return len(problems)


def _counted(analyzer: Analyzer, item: Item, own: Totals, total: Totals) -> Iterator[Result]:
    for result in analyzer.results(item):
        reached_s = result.time_s or 0.0
        total.video_s += max(0.0, reached_s - own.video_s)
        own.video_s = max(own.video_s, reached_s)
        own.add(result)
        total.add(result)
        yield result


def _complain(error: InputError, progress: Progress) -> None:
    progress.print(f"face-edge: error: {in_one_line(str(error))}", err=True)


def _check_copies(places: dict[Item, Path]) -> None:
    from edge.analysis.copy import require_av
    from edge.analysis.inputs import Kind

    if any(item.kind is Kind.VIDEO for item in places):
        require_av()


def _analyzer(config: Config, sampling: Sampling, places: dict[Item, Path]) -> Analyzer:
    from edge.analysis.engine import Analyzer
    from edge.pipelines import factory
    from edge.sources.images import read_image

    return Analyzer(
        lambda still: factory.pipeline(config, still=still, seed=0),
        lambda path: read_image(path, max_megapixels=config.analyze.max_megapixels),
        sampling=sampling,
        copies=places,
    )


def _sampling(config: Config, every: float | None, fps: float | None) -> Sampling:
    from edge.analysis.engine import DEFAULT_INTERVAL_S, Sampling

    interval_s = every if every is not None else 1 / fps if fps is not None else DEFAULT_INTERVAL_S
    # a face that is looked at less often than its track lives cannot be followed
    return Sampling(interval_s, still=interval_s > config.tracker.max_age_s / 2)


def _print_json(result: Result) -> None:
    from edge.analysis.records import as_record

    click.echo(json_text(as_record(result)))


@contextmanager
def _csv_rows(path: Path, labels: LabelSet) -> Iterator[Callable[[Result], None]]:
    """Yield a writer of rows; the file appears only if no error occurs."""
    from edge.analysis.records import as_rows, csv_columns
    from edge.util.files import cannot_write, replacing
    from edge.util.text import cells

    def write(result: Result) -> None:
        try:
            writer.writerows(cells(row) for row in as_rows(result))
        except OSError as error:
            raise OutputError(cannot_write(path, error)) from error

    try:
        with replacing(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, csv_columns(labels))
            writer.writeheader()
            try:
                yield write
            except OSError as error:
                raise _Elsewhere(error) from error
    except _Elsewhere as elsewhere:
        raise elsewhere.error from None


class _Elsewhere(Exception):
    """System error that did not come from the CSV file, which must not be named as its cause."""

    def __init__(self, error: OSError) -> None:
        super().__init__(error)
        self.error = error


def _line(item: Item, own: Totals) -> str:
    from edge.analysis.inputs import Kind, printable

    if item.kind is Kind.VIDEO:
        seen = f"{own.video_s:.1f} s, {_count(own.frames, 'frame')} looked at, {own.frames_with_faces} with faces"
        details = [f"{emotion} {share:.0%}" for emotion, share in own.shares()]
    else:
        seen = _count(own.faces, "face")
        details = _faces(own)
    return f"{printable(item.path)}: {seen}" + (f": {', '.join(details)}" if details else "")


def _faces(own: Totals) -> list[str]:
    """Return emotion and confidence of a picture's faces, highest confidence first."""
    from edge.analysis.records import face_record

    records = [] if own.last is None else [face_record(face) for face in own.last.observation.faces]
    records.sort(key=lambda record: -record["confidence"])
    words = [f"{face['emotion']}{'?' if face['uncertain'] else ''} {face['confidence']:.0%}" for face in records]
    return words if len(words) <= _FACES_NAMED else [*words[:_FACES_NAMED], "…"]


def _summary(total: Totals, wall_s: float) -> str:
    parts = []
    if total.pictures:
        parts.append(_count(total.pictures, "picture"))
    if total.frames:
        speed = f", {total.video_s / wall_s:.1f} times its own pace" if total.video_s and wall_s else ""
        parts.append(f"{total.video_s:.1f} s of video ({_count(total.frames, 'frame')} looked at{speed})")
    parts.append(_count(total.faces, "face"))
    return f"{', '.join(parts)} in {wall_s:.1f} s"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")


@contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    """Turn SIGTERM into a normal exit, so that no incomplete file is left."""

    def end(_number: int, _frame: FrameType | None) -> None:
        sys.exit(_TERMINATED)

    before: Any = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
