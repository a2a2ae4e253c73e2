from __future__ import annotations

import json
import shutil
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from edge.core.contrast import Contrast
from edge.core.errors import ModelError
from edge.core.types import EMOTIONS
from edge.inference import manifest

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A copy of the packaged model and its manifest, free to be damaged."""
    packaged = manifest.packaged_model()
    for path in (packaged, manifest.manifest_path(packaged)):
        shutil.copy(path, tmp_path)
    return tmp_path / packaged.name


@pytest.fixture
def edit(model: Path) -> Callable[[Callable[[dict[str, Any]], object]], None]:
    """Changes the copied manifest's JSON in place."""

    def apply(change: Callable[[dict[str, Any]], object]) -> None:
        path = manifest.manifest_path(model)
        content = json.loads(path.read_text())
        change(content)
        path.write_text(json.dumps(content))

    return apply


def check(model: Path) -> None:
    manifest.verify(manifest.load(model), model)


def message_of(model: Path) -> str:
    with pytest.raises(ModelError) as caught:
        check(model)
    message = str(caught.value)
    assert "\n" not in message
    assert caught.value.exit_code == 6
    return message


def test_the_packaged_model_is_what_its_manifest_says() -> None:
    path = manifest.packaged_model()
    made = manifest.load(path)
    assert manifest.verify(made, path) == path.read_bytes()
    assert made.labels == tuple(emotion.value for emotion in EMOTIONS)
    assert {output.head for output in made.outputs} == {"consensus", "fer2013"}
    assert path in manifest.packaged_models()


def test_the_packaged_models_input_is_exactly_the_pixel_range() -> None:
    spec = manifest.load(manifest.packaged_model()).input
    assert spec.scale == pytest.approx(1 / 255, rel=1e-6)
    assert spec.zero_point == -128


def test_the_packaged_model_is_within_its_budget() -> None:
    path = manifest.packaged_model()
    assert path.stat().st_size <= 1.5e6
    assert manifest.load(path).training.macs <= 120e6


def test_a_manifest_survives_the_round_trip_through_its_file(model: Path) -> None:
    made = manifest.load(model)
    manifest.manifest_path(model).write_text(made.to_json())
    assert manifest.load(model) == made
    check(model)


def test_the_packaged_models_have_dark_crops_corrected_as_quantize_writes_it() -> None:
    for path in manifest.packaged_models():
        made = manifest.load(path)
        assert made.schema_version in manifest.READABLE
        assert made.input.contrast == Contrast()
        written = json.loads(manifest.manifest_path(path).read_text())["input"]["contrast"]
        assert set(written) == {field.name for field in fields(Contrast)}, "spelt out, so that it stays as it was tuned"


@pytest.mark.parametrize("schema", [1, 2])
def test_models_of_older_schemas_have_dark_crops_left_dark(
    model: Path, edit: Callable[[Callable[[dict[str, Any]], object]], None], schema: int
) -> None:
    def age(content: dict[str, Any]) -> None:
        content["schema"] = schema
        content["input"].pop("contrast", None)

    edit(age)
    check(model)
    made = manifest.load(model)
    assert made.input.contrast is None
    assert '"contrast": null' in made.to_json()


def test_every_part_of_the_contrast_is_described() -> None:
    schema = manifest.Manifest.model_json_schema()
    parts = schema["$defs"]["Contrast"]["properties"]
    assert set(parts) == {field.name for field in fields(Contrast)}
    assert all(part["description"] for part in parts.values())


def test_a_missing_manifest_and_a_missing_model_are_told_apart(model: Path) -> None:
    path = manifest.manifest_path(model)
    kept = path.read_text()
    path.unlink()
    assert "manifest of" in message_of(model)
    path.write_text(kept)
    model.unlink()
    assert "model cannot be read: No such file" in message_of(model)


def test_a_folder_in_the_models_place(model: Path) -> None:
    model.unlink()
    model.mkdir()
    assert "Is a directory" in message_of(model)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda content: content[:0], "empty"),
        (lambda content: content[: len(content) // 2], "expected sha256"),
        (lambda content: content[:5000] + bytes([content[5000] ^ 1]) + content[5001:], "expected sha256"),
    ],
    ids=["zero bytes", "truncated", "one bit"],
)
def test_a_damaged_model(model: Path, damage: Callable[[bytes], bytes], words: str) -> None:
    model.write_bytes(damage(model.read_bytes()))
    assert words in message_of(model)


@pytest.mark.parametrize("text", ["", "{", "no json", "[]", "\x00\xff"])
def test_a_manifest_that_is_none(model: Path, text: str) -> None:
    manifest.manifest_path(model).write_bytes(text.encode("latin-1"))
    assert str(manifest.manifest_path(model)) in message_of(model)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda m: m.pop("sha256"), ["sha256", "required"]),
        (lambda m: m.update(sha256="0" * 64), ["expected sha256 000000000000", "found"]),
        (lambda m: m.update(sha256="abc"), ["sha256", "'abc'"]),
        (lambda m: m.update(labels=m["labels"][::-1]), ["expected labels angry, disgust", "found neutral, surprise"]),
        (lambda m: m.update(labels=m["labels"][:6]), ["expected labels", "found angry"]),
        (lambda m: m.update(file="other.tflite"), ["expected to describe gdconv", "found other.tflite"]),
        (lambda m: m.update(schema=99), ["expected schema 1 or 2 or 3 or 4 or 5, found 99"]),
        (lambda m: m.update(surprise=1), ["surprise: unknown field; "]),
        (lambda m: m["input"].update(scale=-1), ["input.scale", "-1"]),
        (lambda m: m["input"].update(dtype="float32"), ["input.dtype", "float32"]),
        (lambda m: m["input"].update(contrast=5), ["input.contrast", "object", "found '5'"]),
        (lambda m: m["input"].update(contrast={"gain": 2}), ["input.contrast.gain: unknown field; "]),
        (
            lambda m: m["input"].update(contrast={"low": 99.5}),
            ["input.contrast: low must be less than high, found 99.5 and 99; "],
        ),
        (lambda m: m["input"].update(contrast={"below": -1}), ["input.contrast.below", "-1"]),
        (lambda m: m["input"].update(contrast={"blur": "strong"}), ["input.contrast.blur", "'strong'"]),
        (lambda m: m["input"].update(contrast={"most_blur": "Infinity"}), ["input.contrast.most_blur", "finite"]),
        (lambda m: m["outputs"][0].update(temperature=0), ["outputs.0.temperature"]),
        (lambda m: m.update(outputs=[]), ["outputs"]),
    ],
)
def test_a_wrong_field_is_named_with_what_was_found(
    model: Path,
    edit: Callable[[Callable[[dict[str, Any]], object]], None],
    change: Callable[[dict[str, Any]], object],
    words: list[str],
) -> None:
    edit(change)
    message = message_of(model)
    assert all(word in message for word in words), message


@pytest.mark.parametrize(
    "change",
    [
        lambda fields: fields.update({"a\nforged": 1}),
        lambda fields: fields.update(file="a\nforged.tflite"),
        lambda fields: fields.update(labels=["a\nforged"]),
    ],
)
def test_what_a_stranger_wrote_begins_no_line(model: Path, edit: Any, change: Any) -> None:
    edit(change)
    assert "a\N{REPLACEMENT CHARACTER}forged" in message_of(model)


def test_a_file_of_another_format_with_a_fitting_hash(
    model: Path, edit: Callable[[Callable[[dict[str, Any]], object]], None]
) -> None:
    import hashlib

    content = b"PK\x03\x04 something else"
    model.write_bytes(content)
    edit(lambda m: m.update(sha256=hashlib.sha256(content).hexdigest()))
    assert "expected a TFLite model" in message_of(model)


def test_an_unknown_head_names_those_there_are(model: Path) -> None:
    with pytest.raises(ModelError, match=r"no head 'valence': it has fer2013, consensus"):
        manifest.load(model).output("valence")


def test_the_manifests_module_loads_no_runtime_and_no_opencv() -> None:
    import subprocess
    import sys

    code = "import sys, edge.inference.manifest; print(*sorted({'numpy', 'cv2', 'ai_edge_litert'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == ""


def test_models_that_came_along_go_by_name() -> None:
    assert manifest.model_file(None) == manifest.packaged_model()
    small = manifest.model_file(Path("gdconv-24m-int8"))
    assert small in manifest.packaged_models()
    assert manifest.load(small).training.macs <= 25_000_000
    assert manifest.model_file(Path("x/own.tflite")) == Path("x/own.tflite")
    with pytest.raises(
        ModelError, match=r"^gdconv-9m: no packaged model has this name; use one of gdconv-117m-int8, gd"
    ):
        manifest.model_file(Path("gdconv-9m"))


def test_an_installation_without_its_model_says_where_it_was_looked_for(tmp_path: Path) -> None:
    import subprocess
    import sys

    source = Path(manifest.__file__).parents[1]
    for room in ("core", "util", "inference"):
        shutil.copytree(source / room, tmp_path / "edge" / room)
    shutil.copy(source / "__init__.py", tmp_path / "edge")
    code = (
        "from edge.inference.manifest import *\n"
        "try: packaged_model()\n"
        "except ModelError as error: print(packaged_models(), error)"
    )
    result = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert result.stdout.startswith("() gdconv-117m-int8.tflite is neither in ")
    assert str(tmp_path / "edge" / "_models") in result.stdout
    assert str(tmp_path / "models") in result.stdout
