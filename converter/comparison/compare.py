"""Comparison of networks by cost, accuracy and time, all measured in one run."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from converter.architectures import build
from converter.comparison.speed import milliseconds
from converter.evaluation.accuracy import evaluate
from converter.outputs import write_bytes
from converter.quantization.convert import VALIDATION, QuantizationSettings, convert
from converter.quantization.quantize import to_float
from converter.runner import ModelRunner
from converter.training import checkpoint
from converter.training.train import train
from edge.core.errors import InputError
from edge.inference.manifest import read_model

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from converter.datasets.faces import FaceSet
    from converter.training.recipe import Recipe
    from converter.training.train import Machine
    from edge.inference.manifest import Training

_TRAINED, _INT8 = ".ckpt", ".tflite"


@dataclass(frozen=True, slots=True)
class ComparisonRow:
    """One network; accuracies are shares by head, times are medians in milliseconds for one face on one thread.

    An int8 file has neither accuracy nor time in float.
    """

    name: str
    architecture: str
    epochs: int
    parameters: int
    macs: int
    size: int
    """Size of the int8 file in bytes."""
    float_accuracy: dict[str, float]
    int8_accuracy: dict[str, float]
    float_ms: float | None
    int8_ms: float


@dataclass(frozen=True, slots=True)
class ComparedNetwork:
    """Network to compare: one to train, or an existing checkpoint or int8 model."""

    name: str
    architecture: str | None = None
    file: Path | None = None


@dataclass(frozen=True, slots=True, eq=False)
class _TimedFiles:
    """Files to time, as bytes, and their measurements so far; accuracies are shares by head."""

    name: str
    training: Training
    int8: bytes
    int8_accuracy: dict[str, float]
    float32: bytes | None = None
    float_accuracy: dict[str, float] = field(default_factory=dict)


def compare(
    entries: Sequence[ComparedNetwork],
    training: FaceSet,
    validation: FaceSet,
    out: Path,
    recipe: Recipe,
    *,
    say: Callable[[str], None],
    machine: Machine | None = None,
) -> list[ComparisonRow]:
    """Train missing networks, convert and measure all; ``out/NAME`` holds each network's run.

    Raises:
        InputError: a file cannot be used, no network has an entry's name, or two entries would share a folder.
        ModelError: a ``.tflite`` and its manifest do not belong together.
    """
    _check(entries)
    made = []
    for number, entry in enumerate(entries, 1):
        say(f"{number} of {len(entries)}: {entry.name}")
        if entry.file is not None and entry.file.suffix == _INT8:
            made.append(_measured(entry.name, entry.file, validation))
            continue
        folder = out / _folder(entry.name)
        source = entry.file
        if source is None:
            wanted = replace(recipe, architecture=entry.architecture or entry.name)
            source = train(training, validation, folder, wanted, machine=machine).best
        made.append(_converted(entry.name, source, training, validation, folder))
    say("measuring time")
    timed = milliseconds([*(m.int8 for m in made), *(m.float32 for m in made if m.float32 is not None)])
    int8_ms, float_ms = timed[: len(made)], iter(timed[len(made) :])
    return [_row(m, ms, next(float_ms) if m.float32 is not None else None) for m, ms in zip(made, int8_ms, strict=True)]


def as_json(rows: Iterable[ComparisonRow], **facts: Any) -> dict[str, Any]:
    """Return plain values, with the ``facts`` of the run beside them."""
    return {**facts, "split": VALIDATION, "view": "one", "networks": [asdict(row) for row in rows]}


def _check(entries: Sequence[ComparedNetwork]) -> None:
    """Check the entries before hours of training."""
    folders: set[str] = set()
    for entry in entries:
        if (folder := _folder(entry.name)) in folders:
            msg = f"{entry.name}: two networks have that name; distinguish them with NAME=FILE"
            raise InputError(msg)
        folders.add(folder)
        if entry.file is None:
            build(entry.architecture or entry.name)
        elif entry.file.suffix == _INT8:
            ModelRunner(entry.file)
        elif entry.file.suffix == _TRAINED:
            checkpoint.load(entry.file)
        else:
            msg = f"{entry.file}: expected a {_TRAINED} or a {_INT8} file"
            raise InputError(msg)


def _measured(name: str, model: Path, validation: FaceSet) -> _TimedFiles:
    found = evaluate(model, validation, VALIDATION)
    accuracy = {m.head: round(m.accuracy, 4) for m in found.measurements}
    return _TimedFiles(name, ModelRunner(model).manifest.training, read_model(model), accuracy)


def _converted(name: str, source: Path, training: FaceSet, validation: FaceSet, folder: Path) -> _TimedFiles:
    int8 = folder / f"int8{_INT8}"
    manifest = convert(source, training, validation, int8, QuantizationSettings())
    float32 = to_float(checkpoint.load(source).network)
    write_bytes(folder / f"float{_INT8}", float32)

    def accuracy(precision: str) -> dict[str, float]:
        return {score.head: score.accuracy for score in manifest.scores if score.precision == precision}

    return _TimedFiles(name, manifest.training, int8.read_bytes(), accuracy("int8"), float32, accuracy("float"))


def _row(made: _TimedFiles, int8_ms: float, float_ms: float | None) -> ComparisonRow:
    return ComparisonRow(
        name=made.name,
        architecture=made.training.architecture,
        epochs=made.training.epochs,
        parameters=made.training.parameters,
        macs=made.training.macs,
        size=len(made.int8),
        float_accuracy=made.float_accuracy,
        int8_accuracy=made.int8_accuracy,
        float_ms=None if float_ms is None else round(float_ms, 3),
        int8_ms=round(int8_ms, 3),
    )


def _folder(name: str) -> str:
    """Return a folder name for a network whose own name may contain its widths."""
    return "".join(character if character.isalnum() or character in "-_." else "-" for character in name)
