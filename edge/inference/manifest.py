"""JSON manifest beside every ``.tflite`` model, shared with ``converter``.

The manifest of ``models/name.tflite`` is ``models/name.json``. The device trusts a model only after
:func:`verify`: the file is byte for byte the one that was measured, and its labels have the expected meaning.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from edge.core.contrast import Contrast
from edge.core.errors import ModelError
from edge.core.labels import COLOUR, FACES, NAME, LabelSet, problem_with
from edge.core.types import EMOTIONS, SEVEN
from edge.inference.calibration import ENERGY, ENTROPY, FACE, Certainty, Prior, Refusal
from edge.util.bounded_read import read_bounded
from edge.util.text import in_one_line

SCHEMA_VERSION, SCHEMA_WITH_FACE = 4, 5
"""What is written, and what is written of a model with a face output, which earlier versions cannot read."""
READABLE = (1, 2, 3, 4, 5)
"""In schema 1 an output was always one window; before schema 3 dark crops were not corrected; before schema 4 there was
neither a prior nor a temperature by face, and nothing was refused; before schema 5 no output said whether it is a face.
"""
DEFAULT_MODEL = "gdconv-117m-int8.tflite"
Head = Literal["consensus", "fer2013"]
PREFERRED = "consensus"
AUTO = "auto"
"""Stands for the preferred head if the model has it."""

_PACKAGE = Path(__file__).resolve().parents[1]
_FOLDERS = (_PACKAGE / "_models", _PACKAGE.parent / "models")
_LABELS = tuple(emotion.value for emotion in EMOTIONS)
_UNKNOWN = {"extra_forbidden", "unexpected_keyword_argument"}
_FLATBUFFER_ID = b"TFL3"
_LARGEST_MODEL = 256 << 20
_REMEDY = "the two do not belong together or one is damaged, so install both again"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class InputSpec(_Part):
    """Input tensor and its quantisation: ``pixel / 255 = scale * (q - zero_point)``."""

    shape: tuple[int, ...] = Field(description="batch, height, width, channels")
    dtype: Literal["int8"] = "int8"
    scale: float = Field(gt=0)
    zero_point: int = Field(ge=-128, le=127)
    colour: Literal["grey"] = "grey"
    size: int = Field(gt=0, description="side of the square crop, pixels")
    crop_margin: float = Field(gt=-0.5, description="added on every side of the detector's box, share of its side")
    contrast: Contrast | None = Field(None, description="how a dark crop is corrected; null: it is not")


class OutputSpec(_Part):
    """One head: a logit per class, divided by ``temperature`` before the softmax.

    The tensor holds ``windows`` times as many values as there are classes, and a logit is ``scale * sum(q -
    zero_point)`` over its windows: each covers one part of the logits' range and rests at its bottom or top outside it.
    So int8 gives logits as many times finer.
    """

    head: Head
    name: str = Field(description="name of the output tensor")
    dtype: Literal["int8"] = "int8"
    scale: float = Field(gt=0)
    zero_point: int = Field(ge=-128, le=127)
    windows: int = Field(1, ge=1, description="values that make one logit")
    temperature: float = Field(gt=0, description="calibration of the probabilities, chosen on `temperature_split`")
    temperature_split: str
    prior: Prior | None = Field(None, description="how often training had each label; null: `model.prior` does nothing")
    certainty: Certainty | None = Field(None, description="temperature by face; null: `temperature` for every face")


class FaceSpec(_Part):
    """Face output: one value, above 0 for a face, in windows like a head's logit."""

    name: str = Field(description="name of the output tensor")
    dtype: Literal["int8"] = "int8"
    scale: float = Field(gt=0)
    zero_point: int = Field(ge=-128, le=127)
    windows: int = Field(1, ge=1, description="values that make the one")
    training: dict[str, Any] = Field(default_factory=dict, description="training data and recipe")


class Training(_Part):
    """Origin of the weights, with everything that is needed to reproduce them."""

    command: str
    architecture: str
    seed: int
    epochs: int
    parameters: int
    macs: int = Field(description="multiply-accumulates for one face")
    recipe: dict[str, Any]
    quantization: dict[str, Any]
    data: dict[str, Any] = Field(
        default_factory=dict, description="what was read: files, counts, fingerprints, licence as given; empty: unknown"
    )


class Score(_Part):
    """One measurement: conditions, sample size and results."""

    split: str
    head: Head
    labels: str = Field(description="label set that counts as right")
    precision: Literal["int8", "float"]
    view: str = Field("one", description="one: the picture as it is; no averaging over mirrored or shifted views")
    n: int
    accuracy: float = Field(ge=0, le=1)
    balanced_accuracy: float = Field(ge=0, le=1)
    ece: float = Field(ge=0, le=1, description="expected calibration error after temperature")
    recall: dict[str, float | None]


class ClassDetail(_Part):
    """Appearance of one class of a custom set; defaults are in :mod:`edge.core.labels`."""

    word: str | None = Field(None, min_length=1, max_length=40, description="completes: faces looked ...")
    emoji: str | None = Field(None, min_length=1, max_length=8)
    emoticon: str | None = Field(None, pattern=r"^[!-~]{1,3}$", description="shown if there is no emoji")
    colour: str | None = Field(None, pattern=COLOUR)
    valence: float | None = Field(None, ge=-1, le=1, description="-1 unpleasant to 1 pleasant")
    face: Literal["", *FACES] | None = Field(None, description="which drawn face shows it")  # type: ignore[valid-type]
    resting: bool | None = Field(None, description="a face at rest, which causes no peak and no highlight")


class Manifest(_Part):
    """Description of a model with everything that is needed to run and to assess it."""

    schema_version: int = Field(SCHEMA_VERSION, alias="schema")
    name: str
    version: str
    file: str = Field(description="file name of the model, in the manifest's own folder")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    created: datetime
    labels: tuple[str, ...]
    classes: dict[Annotated[str, Field(pattern=NAME)], ClassDetail] | None = Field(
        None, description="how labels of one's own are shown; null: the labels are the usual seven"
    )
    input: InputSpec
    outputs: tuple[OutputSpec, ...] = Field(min_length=1)
    face: FaceSpec | None = Field(None, description="face output; null: none")
    refusal: Refusal | None = Field(None, description="which finds are no faces; null: none is refused")
    training: Training
    scores: tuple[Score, ...]
    licence: str
    data: tuple[str, ...] = Field(description="provenance of the training data")

    def output(self, head: str) -> OutputSpec:
        """Return the output of ``head``; :data:`AUTO` is ``consensus`` if the model has it, otherwise its first head.

        Raises:
            ModelError: the model has no such head.
        """
        if head == AUTO:
            return next((output for output in self.outputs if output.head == PREFERRED), self.outputs[0])
        for output in self.outputs:
            if output.head == head:
                return output
        has = ", ".join(output.head for output in self.outputs)
        msg = f"model {in_one_line(self.name)} has no head {head!r}: it has {has}; choose one with model.head"
        raise ModelError(msg)

    def heads_in_words(self, head: str) -> str:
        """Return a text that names the model's heads and the one that is used if ``head`` is configured.

        Raises:
            ModelError: the model has no such head.
        """
        read = self.output(head).head
        others = [str(output.head) for output in self.outputs if output.head != read]
        if others:
            return f"head {read} is read, {' and '.join(others)} is not"
        return f"head {read} is read" + ("" if read == PREFERRED else f", the model has no {PREFERRED} head")

    @property
    def label_set(self) -> LabelSet:
        """Return the classes in the order of the outputs; :func:`verify` checks them."""
        if self.classes is None:
            return SEVEN
        return LabelSet.of(
            self.labels, {name: detail.model_dump(exclude_none=True) for name, detail in self.classes.items()}
        )

    def to_json(self) -> str:
        """Return the file's text, indented and with a stable order of fields."""
        left_out = {name for name in ("classes", "face", "refusal") if getattr(self, name) is None}
        return self.model_dump_json(by_alias=True, indent=2, exclude=left_out) + "\n"


def manifest_path(model: Path) -> Path:
    """Return the path of the manifest of the model file ``model``."""
    return model.with_suffix(".json")


def load(model: Path) -> Manifest:
    """Read the manifest beside ``model`` (a ``.tflite``); the model file itself is not opened.

    Raises:
        ModelError: it is missing, unreadable, not JSON, of another schema, or a field is wrong (the message names it).
    """
    path = manifest_path(model)
    try:
        text = read_bounded(path)
    except OSError as error:
        msg = f"{path}: manifest of {model.name} cannot be read: {error.strerror}; {_remedy_of(model)}"
        raise ModelError(msg) from error
    try:
        manifest = Manifest.model_validate_json(text)
    except ValidationError as error:
        msg = f"{path}: {_first_problem(error)}"
        raise ModelError(msg) from error
    if manifest.schema_version not in READABLE:
        version, known = manifest.schema_version, " or ".join(map(str, READABLE))
        msg = f"{path}: expected schema {known}, found {version}; use a model made for this version"
        raise ModelError(msg)
    return manifest


def verify(manifest: Manifest, model: Path) -> bytes:
    """Check the file ``model`` against ``manifest``: name, labels in order, hash, file format.

    Returns the bytes that were checked, so that the model that runs is the one that was verified.

    Raises:
        ModelError: something differs; the message contains the expected and the actual value.
    """
    checked_labels(manifest, model)
    problem = _calibration_problem(manifest)
    if problem:
        msg = f"{manifest_path(model)}: {problem}; {_REMEDY}"
        raise ModelError(msg)
    if manifest.file != model.name:
        msg = (
            f"{manifest_path(model)}: expected to describe {model.name}, found {in_one_line(manifest.file)}; {_REMEDY}"
        )
        raise ModelError(msg)
    content = read_model(model)
    actual = hashlib.sha256(content).hexdigest()
    if actual != manifest.sha256:
        msg = f"{model}: expected sha256 {manifest.sha256[:12]}…, found {actual[:12]}…; {_REMEDY}"
        raise ModelError(msg)
    if content[4:8] != _FLATBUFFER_ID:
        msg = f"{model}: expected a TFLite model (TFL3), found {content[4:8]!r}; {_REMEDY}"
        raise ModelError(msg)
    return content


def checked_labels(manifest: Manifest, model: Path) -> LabelSet:
    """Return the classes that the model of the file ``model`` distinguishes.

    Raises:
        ModelError: the labels are not valid for this device.
    """
    problem = _labels_problem(manifest)
    if problem:
        msg = f"{manifest_path(model)}: {problem}; this model is not for this device"
        raise ModelError(msg)
    return manifest.label_set


def _labels_problem(manifest: Manifest) -> str:
    labels = in_one_line(", ".join(manifest.labels))
    if manifest.classes is None:
        return "" if manifest.labels == _LABELS else f"expected labels {', '.join(_LABELS)}, found {labels}"
    problem = problem_with(manifest.labels)
    if problem:
        return f"labels: {in_one_line(problem)}"
    unknown = [name for name in manifest.classes if name not in manifest.labels]
    return f"classes.{unknown[0]}: expected one of the labels, {labels}" if unknown else ""


def _calibration_problem(manifest: Manifest) -> str:
    heads = [output.head for output in manifest.outputs]
    for index, output in enumerate(manifest.outputs):
        if output.prior is not None and len(output.prior.shares) != len(manifest.labels):
            found, expected = len(output.prior.shares), len(manifest.labels)
            return f"outputs.{index}.prior.shares: expected a share for each of the {expected} labels, found {found}"
        if output.certainty is not None and output.certainty.head not in {None, *heads}:
            return (
                f"outputs.{index}.certainty.head: expected one of {', '.join(heads)}, found {output.certainty.head!r}"
            )
    known = {f"{head}.{sign}" for head in heads for sign in (*manifest.labels, ENERGY, ENTROPY)}
    known |= {FACE} if manifest.face is not None else set()
    unknown = sorted(set(manifest.refusal.weights) - known) if manifest.refusal is not None else []
    return f"refusal.weights: {in_one_line(unknown[0])!r} is not a sign of this model's outputs" if unknown else ""


def read_model(model: Path) -> bytes:
    """Return the bytes of a model file.

    Raises:
        ModelError: it is missing, unreadable or empty.
    """
    try:
        content = read_bounded(model, _LARGEST_MODEL)
    except OSError as error:
        msg = f"{model}: model cannot be read: {error.strerror}; {_remedy_of(model)}"
        raise ModelError(msg) from error
    if not content:
        msg = f"{model}: model is empty; {_remedy_of(model)}"
        raise ModelError(msg)
    return content


def published_file(path: Path, *, detector: str, sha256: str, command: str) -> bytes:
    """Return the bytes of a published detector's file; ``command`` is the command that installs it.

    Raises:
        ModelError: it is missing, unreadable, or not the published file.
    """
    try:
        content = read_model(path)
    except ModelError as error:
        msg = f"detector.kind: {detector} needs its model, which is missing at {path}: {command}"
        raise ModelError(msg) from error
    actual = hashlib.sha256(content).hexdigest()
    if actual != sha256:
        msg = f"{path}: expected sha256 {sha256[:12]}…, found {actual[:12]}…: {command}"
        raise ModelError(msg)
    return content


def packaged_models() -> tuple[Path, ...]:
    """Return the models that are part of the installation or checkout, the default one first."""
    folder = next((folder for folder in _FOLDERS if any(folder.glob("*.tflite"))), None)
    if folder is None:
        return ()
    return tuple(sorted(folder.glob("*.tflite"), key=lambda path: (path.name != DEFAULT_MODEL, path.name)))


def packaged_model() -> Path:
    """Return the default model of this installation.

    Raises:
        ModelError: it is missing in the installation.
    """
    for path in packaged_models():
        if path.name == DEFAULT_MODEL:
            return path
    installed, checkout = _FOLDERS
    msg = f"{DEFAULT_MODEL} is neither in {installed} nor in {checkout}; install again or name one with model.path"
    raise ModelError(msg)


def model_file(given: Path | None) -> Path:
    """Return the model file for a setting: a path, the name of a packaged model, or ``None`` for the default.

    Raises:
        ModelError: there is no packaged model of that name.
    """
    if given is None:
        return packaged_model()
    if given.suffix or given.parent != Path():
        return given
    named = {path.stem: path for path in packaged_models()}
    if given.name in named:
        return named[given.name]
    msg = f"{given}: no packaged model has this name; use one of {', '.join(named)}, or the path of a .tflite file"
    raise ModelError(msg)


def _remedy_of(model: Path) -> str:
    if model.parent in _FOLDERS:
        return "install face-edge again"
    return "check model.path: a .tflite with its .json manifest beside it"


def _first_problem(error: ValidationError) -> str:
    """Return one line with the first problem in full and the number of the others."""
    problems = error.errors(include_url=False, include_context=False)
    first = problems[0]
    place = in_one_line(".".join(str(part) for part in first["loc"]))
    if first["type"] == "json_invalid":
        return "is not valid JSON; " + _REMEDY
    is_unknown = first["type"] in _UNKNOWN
    message = "unknown field" if is_unknown else first["msg"].removeprefix("Value error, ")
    omit_value = is_unknown or first["type"] == "missing" or isinstance(first["input"], dict)
    value = "" if omit_value else f", found {str(first['input'])[:60]!r}"
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    return f"{place}: {message}{value}{more}; {_REMEDY}"
