"""Reads one file after another in the worker; see :mod:`edge.kiosk.worker`.

A message names a file and the folder for what comes of it: ``preview.jpg`` or ``copy.mp4``, ``faces.csv``,
``result.json``. Answers tell how far it is, and at the end ``{"finished": true}`` or why not.
"""

from __future__ import annotations

import csv
import errno
import json
import os
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge.analysis.clips import Bounds, TooMuch
from edge.analysis.engine import DEFAULT_INTERVAL_S, Analyzer, Sampling
from edge.analysis.inputs import Item, Kind
from edge.analysis.records import as_record, as_rows, csv_columns
from edge.analysis.series import Series
from edge.core.errors import EdgeError
from edge.kiosk.worker import Message
from edge.util.text import cells

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy as np
    from numpy.typing import NDArray

    from edge.analysis.engine import Stepper
    from edge.analysis.records import Result
    from edge.core.labels import LabelSet

PREVIEW, COPY, ROWS, RESULT = "preview.jpg", "copy.mp4", "faces.csv", "result.json"
_PREVIEW_PX = 1600
_COPY_PX = 1280
_COPY_FPS = 30.0
_MOST_PIXELS = 10_000_000
"""Of a video's frame: 4K has 8.3 million."""
_TELL_S = 0.25
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS}


@dataclass(frozen=True, slots=True)
class Task:
    """A file to read, its kind, and the folder for results of at most ``most_bytes``."""

    source: str
    folder: str
    name: str
    kind: str
    container: str
    max_s: float
    most_bytes: int


def make(settings: dict[str, Any]) -> Callable[[Message], Iterator[Message]]:
    """Load what every file needs.

    ``settings`` hold the configuration's sections, whether to step back, and whether ``still`` pictures will come.
    """
    import cv2

    from edge.config import Config
    from edge.pipelines import factory

    if settings["idle"]:
        _yield_processor()
    cv2.setNumThreads(1)
    config = Config.model_validate(settings["config"])
    pipelines: dict[bool, Stepper] = {}

    def pipeline(still: bool) -> Stepper:  # noqa: FBT001 - the analyzer's form
        if still not in pipelines:
            pipelines[still] = factory.pipeline(config, still=still)
        return pipelines[still]

    labels = factory.labels(config)
    pipeline(settings["still"])
    with suppress(ImportError):
        import av  # noqa: F401 - while files are opened without asking

    def handle(message: Message) -> Iterator[Message]:
        task = Task(**message.head)
        reading = _Reading(task, pipeline, config.analyze.max_megapixels, labels)
        try:
            yield from reading.picture() if task.kind == Kind.PICTURE else reading.video()
        except TooMuch as error:
            yield Message({"failed": error.code, "detail": _words(error, task)})
        except EdgeError as error:
            yield Message({"failed": "damaged", "detail": _words(error, task)})
        except OSError as error:
            if error.errno not in _NO_ROOM:
                raise
            yield Message({"failed": "no_room", "detail": ""})
        else:
            yield Message({"finished": True})

    return handle


def _yield_processor() -> None:
    """Run only when nothing else wants to, and be the first to go when memory is short, where that is allowed."""
    with suppress(OSError, AttributeError):
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")


def _words(error: Exception, task: Task) -> str:
    """Its one line without the path, which is nobody's business."""
    return str(error).removeprefix(f"{task.source}: ").replace(task.source, task.name)[:400]


class _Reading:
    """One file on its way."""

    def __init__(self, task: Task, pipeline: Callable[[bool], Stepper], max_megapixels: int, labels: LabelSet) -> None:
        self._task = task
        self._labels = labels
        self._folder = Path(task.folder)
        self._max_megapixels = max_megapixels
        self._item = Item(Path(task.source), Kind(task.kind), Path(task.name))
        copies = {self._item: self._folder / COPY} if self._item.kind is Kind.VIDEO else {}
        self._analyzer = Analyzer(
            pipeline,
            self._read,
            sampling=Sampling(DEFAULT_INTERVAL_S),
            copies=copies,
            bounds=Bounds(
                container=task.container,
                max_pixels=_MOST_PIXELS,
                max_s=task.max_s,
                longest_px=_COPY_PX,
                copy_fps=_COPY_FPS,
                # a core is left for the rest of the device: memory is shared even where time is not
                threads=max(1, (os.cpu_count() or 1) - 1),
            ),
        )

    def picture(self) -> Iterator[Message]:
        """Its faces, and a smaller upright copy to show."""
        with self._rows() as write:
            for result in self._analyzer.results(self._item):
                write(result)
                record = as_record(result)
        del record["path"], record["frame"], record["time_s"]
        self._keep({"kind": "picture", **record})
        yield Message({"done": 1.0})

    def video(self) -> Iterator[Message]:
        """Its faces over time, and a copy with sound in which they are marked."""
        series = Series(DEFAULT_INTERVAL_S, labels=self._labels)
        told_s, last, pictures, with_faces = 0.0, None, 0, 0
        with self._rows() as write:
            for result in self._analyzer.results(self._item):
                last, pictures = result, pictures + 1
                with_faces += bool(result.observation.faces)
                series.hold(result.time_s or 0.0)
                series.add(result.time_s or 0.0, result.observation)
                write(result)
                if time.monotonic() - told_s > _TELL_S:
                    told_s = time.monotonic()
                    self._check_room()
                    yield Message({"done": round(result.done, 4), "time_s": round(result.time_s or 0.0, 2)})
        if last is not None:
            self._keep(
                {
                    "kind": "video",
                    "width": last.observation.frame_width,
                    "height": last.observation.frame_height,
                    "pictures": pictures,
                    "with_faces": with_faces,
                    "duration_s": round((last.time_s or 0.0) + DEFAULT_INTERVAL_S, 2),
                    **series.as_dict(),
                }
            )

    def _read(self, path: Path) -> NDArray[np.uint8]:
        import cv2

        from edge.sources.images import read_image

        image = read_image(path, max_megapixels=self._max_megapixels)
        share = _PREVIEW_PX / max(image.shape[:2])
        small = image
        if share < 1:
            size = max(1, round(image.shape[1] * share)), max(1, round(image.shape[0] * share))
            small = cv2.resize(image, size, interpolation=cv2.INTER_AREA).astype("uint8", copy=False)
        _, data = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 85])
        (self._folder / PREVIEW).write_bytes(data.tobytes())
        return image

    def _rows(self) -> _Rows:
        return _Rows(self._folder / ROWS, self._task.name, self._labels)

    def _keep(self, result: dict[str, Any]) -> None:
        (self._folder / RESULT).write_text(json.dumps(result, separators=(",", ":")), encoding="ascii")

    def _check_room(self) -> None:
        if sum(entry.stat().st_size for entry in os.scandir(self._folder)) > self._task.most_bytes:
            msg = "its marked copy grows larger than there is room for"
            raise TooMuch(msg, "no_room")


class _Rows:
    """Writes the rows of results under the visitor's own name of the file."""

    def __init__(self, path: Path, name: str, labels: LabelSet) -> None:
        self._stream = path.open("w", newline="", encoding="utf-8")
        self._name = name
        self._writer = csv.DictWriter(self._stream, csv_columns(labels))

    def __enter__(self) -> Callable[[Result], None]:
        self._writer.writeheader()
        return lambda result: self._writer.writerows(cells({**row, "path": self._name}) for row in as_rows(result))

    def __exit__(self, *_: object) -> None:
        self._stream.close()
