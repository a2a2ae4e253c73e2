"""A shipped model: the file, its manifest, and the measured results beside them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from converter.evaluation.results import SCHEMA
from edge.core.errors import InputError
from edge.inference import manifest as manifests

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from edge.inference.manifest import Manifest


@dataclass(frozen=True, slots=True, eq=False)
class ShippedModel:
    """Model for the card; ``results`` are those of :func:`converter.evaluation.results.results`."""

    manifest: Manifest
    results: Mapping[str, Any]
    size_bytes: int

    @property
    def name(self) -> str:
        """Return the model's name."""
        return self.manifest.name

    @property
    def heads(self) -> dict[str, Mapping[str, Any]]:
        """Return the measured figures of each head."""
        return {head["head"]: head for head in self.results["heads"]}


def results_path(model: Path) -> Path:
    """Return the path of the measured results of the model file ``model``."""
    return model.with_suffix(".results.json")


def read(model: Path) -> ShippedModel:
    """Load the shipped model ``model`` (a ``.tflite``) with the manifest and the results beside it.

    Raises:
        ModelError: file and manifest do not belong together.
        InputError: the results are missing, damaged or of another file.
    """
    manifest = manifests.load(model)
    content = manifests.verify(manifest, model)
    path = results_path(model)
    remedy = "measure it with face-convert card --data"
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        schema, digest = found["schema"], found["sha256"]
    except OSError as error:
        msg = f"{path}: cannot be read: {error.strerror}; {remedy}"
        raise InputError(msg) from error
    except (ValueError, KeyError, TypeError) as error:
        msg = f"{path}: holds no results of face-convert evaluate; {remedy}"
        raise InputError(msg) from error
    if schema != SCHEMA or digest != manifest.sha256:
        was = f"schema {schema}" if schema != SCHEMA else f"a model of sha256 {digest[:12]}…"
        msg = f"{path}: is of {was}, expected {SCHEMA} and {manifest.sha256[:12]}…; {remedy}"
        raise InputError(msg)
    return ShippedModel(manifest, found, len(content))
