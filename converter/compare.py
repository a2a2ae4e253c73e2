"""Puts networks side by side: what they cost, what they reach, how long they take, all measured in one run."""

from __future__ import annotations

import statistics
import time
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from converter import checkpoint
from converter.convert import VALIDATION, Settings, convert
from converter.outputs import write_bytes
from converter.quantize import to_float
from converter.runner import interpreter
from converter.train import train
from edge.errors import InputError
from edge.manifest import load as load_manifest
from edge.manifest import read_model

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from converter.datasets.faces import FaceSet
    from converter.recipe import Recipe
    from edge.manifest import Manifest

ROUNDS = 25
_BURST = 8


@dataclass(frozen=True, slots=True)
class Row:
    """One network; accuracies are shares by head, milliseconds the median for one face on one thread."""

    name: str
    architecture: str
    epochs: int
    parameters: int
    macs: int
    size: int
    """Bytes of the int8 file."""
    float_accuracy: dict[str, float]
    int8_accuracy: dict[str, float]
    float_ms: float | None
    int8_ms: float


@dataclass(frozen=True, slots=True)
class Entry:
    """What is compared: a network to train, or a checkpoint or an int8 model that is there."""

    name: str
    architecture: str | None = None
    file: Path | None = None


@dataclass(frozen=True, slots=True, eq=False)
class _Made:
    entry: Entry
    manifest: Manifest
    int8: bytes
    float32: bytes | None


def compare(
    entries: Sequence[Entry],
    training: FaceSet,
    validation: FaceSet,
    out: Path,
    recipe: Recipe,
    *,
    say: Callable[[str], None],
) -> list[Row]:
    """Train what is not trained yet, convert and measure everything; ``out/NAME`` holds each network's run.

    Raises:
        InputError: a file cannot be used, or no network has an entry's name.
    """
    made = []
    for number, entry in enumerate(entries, 1):
        say(f"{number} of {len(entries)}: {entry.name}")
        made.append(_make(entry, training, validation, out / _folder(entry.name), recipe))
    say("measuring time")
    timed = milliseconds([*(m.int8 for m in made), *(m.float32 for m in made if m.float32 is not None)])
    int8_ms, float_ms = timed[: len(made)], iter(timed[len(made) :])
    return [_row(m, ms, next(float_ms) if m.float32 is not None else None) for m, ms in zip(made, int8_ms, strict=True)]


def milliseconds(models: Sequence[bytes], rounds: int = ROUNDS) -> list[float]:
    """Median time of one face for each TFLite file, on one thread, the models taking turns in every round."""
    loaded = [interpreter(model) for model in models]
    for model in loaded:
        detail = model.get_input_details()[0]
        model.set_tensor(detail["index"], np.zeros(detail["shape"], detail["dtype"]))
        model.invoke()
    times: list[list[float]] = [[] for _ in loaded]
    for _ in range(rounds):
        for model, found in zip(loaded, times, strict=True):
            start = time.perf_counter()
            for _ in range(_BURST):
                model.invoke()
            found.append((time.perf_counter() - start) * 1000 / _BURST)
    return [statistics.median(found) for found in times]


def as_json(rows: Iterable[Row], **facts: Any) -> dict[str, Any]:
    """Plain values, the ``facts`` of the run beside them."""
    return {**facts, "split": VALIDATION, "view": "one", "networks": [asdict(row) for row in rows]}


def _make(entry: Entry, training: FaceSet, validation: FaceSet, folder: Path, recipe: Recipe) -> _Made:
    if entry.file is not None and entry.file.suffix == ".tflite":
        return _Made(entry, load_manifest(entry.file), read_model(entry.file), None)
    source = entry.file
    if source is None:
        source = train(training, validation, folder, replace(recipe, architecture=entry.architecture or entry.name))
    elif source.suffix != ".ckpt":
        msg = f"{source}: expected a .ckpt or a .tflite file"
        raise InputError(msg)
    int8 = folder / "int8.tflite"
    manifest = convert(source, training, validation, int8, Settings())
    float32 = to_float(checkpoint.load(source).network)
    write_bytes(folder / "float.tflite", float32)
    return _Made(entry, manifest, int8.read_bytes(), float32)


def _row(made: _Made, int8_ms: float, float_ms: float | None) -> Row:
    training = made.manifest.training

    def accuracy(precision: str) -> dict[str, float]:
        scores = made.manifest.scores
        return {s.head: s.accuracy for s in scores if s.precision == precision and s.split == VALIDATION}

    return Row(
        name=made.entry.name,
        architecture=training.architecture,
        epochs=training.epochs,
        parameters=training.parameters,
        macs=training.macs,
        size=len(made.int8),
        float_accuracy=accuracy("float"),
        int8_accuracy=accuracy("int8"),
        float_ms=None if float_ms is None else round(float_ms, 3),
        int8_ms=round(int8_ms, 3),
    )


def _folder(name: str) -> str:
    """A name of a folder for a network whose own name may spell its widths out."""
    return "".join(character if character.isalnum() or character in "-_." else "-" for character in name)
