"""Export of a session's data as CSV, JSON or Parquet."""

from __future__ import annotations

import csv
import json
from dataclasses import asdict
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from edge.core.errors import HardwareUnavailable
from edge.core.events import EventType
from edge.recording.media_timeline import FilmClock
from edge.recording.rows import second_columns, second_values
from edge.system.installation import adding
from edge.util.text import cells

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from edge.recording.values import RecordedEvent, Recording, SessionRecord

FORMATS = ("csv", "json", "parquet")
_STEP = 1000


def columns(record: SessionRecord) -> tuple[str, ...]:
    """Return the columns of CSV and Parquet: a score and a share for each class of the session's model."""
    return (*second_columns(record.labels), "media_s", "markers")


def offered() -> tuple[str, ...]:
    """Return the formats that can be written here: Parquet is an extra."""
    return FORMATS if _installed("pyarrow") else tuple(form for form in FORMATS if form != "parquet")


def write(
    recording: Recording, path: Path, form: str, *, progress: Callable[[int, int], None] = lambda _done, _all: None
) -> None:
    """Write ``recording`` to ``path``; ``form`` is one of :data:`FORMATS`.

    CSV and Parquet have a row a second: :func:`edge.recording.rows.second_columns`, ``media_s`` (the film's own time in
    the second's middle, where the device played one) and ``markers``. JSON has the session, its seconds, its events
    and the film's positions; Parquet keeps the session and its events, as JSON, in its metadata.

    Raises:
        HardwareUnavailable: Parquet needs the extra ``parquet``.
        OSError: the file cannot be written.
    """
    {"csv": _csv, "json": _json, "parquet": _parquet}[form](recording, path, progress)


def _installed(package: str) -> bool:
    try:
        return find_spec(package) is not None
    except ValueError:  # an import of it is blocked
        return False


def session_dict(record: SessionRecord) -> dict[str, Any]:
    """Return the record as plain values for JSON; times in ISO 8601, UTC."""
    fields = asdict(record)
    for name in ("start", "end"):
        moment = getattr(record, name)
        fields[name] = None if moment is None else moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return fields | {"kind": record.kind.value, "about": dict(record.about)}


def rows(recording: Recording, progress: Callable[[int, int], None]) -> Iterator[dict[str, Any]]:
    """Yield one dictionary for each second."""
    markers, clock, labels = _labels(recording.events), FilmClock.of(recording), recording.record.labels
    names = second_columns(labels)
    for number, second in enumerate(recording.seconds):
        if number % _STEP == 0:
            progress(number, len(recording.seconds))
        row = dict(zip(names, second_values(second, labels), strict=True))
        shown = clock.shows_s(second.second + 0.5) if clock.counts_film else None
        row["media_s"] = None if shown is None else round(shown, 3)
        yield row | {"suppressed": second.suppressed, "markers": markers.pop(second.second, "")}


def _labels(events: tuple[RecordedEvent, ...]) -> dict[int, str]:
    by_second: dict[int, list[str]] = {}
    for event in events:
        if event.type == EventType.MARKER:
            by_second.setdefault(int(event.at_s), []).append(event.label or "marker")
    return {second: "; ".join(labels) for second, labels in by_second.items()}


def _csv(recording: Recording, path: Path, progress: Callable[[int, int], None]) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, columns(recording.record), lineterminator="\n")
        writer.writeheader()
        for row in rows(recording, progress):
            writer.writerow(cells(row | {"suppressed": int(row["suppressed"])}))


def _json(recording: Recording, path: Path, progress: Callable[[int, int], None]) -> None:
    with path.open("w", encoding="utf-8") as stream:
        head = {"session": session_dict(recording.record), "events": [asdict(event) for event in recording.events]}
        head["media"] = [asdict(point) for point in recording.media]
        stream.write(json.dumps(head, ensure_ascii=False, indent=1)[:-2] + ',\n "seconds": [')
        for number, row in enumerate(rows(recording, progress)):
            stream.write((",\n" if number else "\n") + "  " + json.dumps(row, ensure_ascii=False))
        stream.write("\n ]\n}\n")


def _parquet(recording: Recording, path: Path, progress: Callable[[int, int], None]) -> None:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        msg = f"Parquet needs PyArrow: {adding('parquet')}; csv and json work without it"
        raise HardwareUnavailable(msg) from None
    whole = {"second": pa.int64(), "people_max": pa.int64(), "suppressed": pa.bool_(), "markers": pa.string()}
    about = {
        "face-edge.session": json.dumps(session_dict(recording.record), ensure_ascii=False),
        "face-edge.events": json.dumps([asdict(event) for event in recording.events], ensure_ascii=False),
    }
    schema = pa.schema([(name, whole.get(name, pa.float64())) for name in columns(recording.record)], metadata=about)
    pq.write_table(pa.Table.from_pylist(list(rows(recording, progress)), schema=schema), path, compression="zstd")
