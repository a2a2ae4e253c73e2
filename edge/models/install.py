"""Adding models to the device and removing them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from edge.inference import manifest as manifests
from edge.models.signature import signer
from edge.models.store import Added, ModelStore, Pointer, models_dir, regular
from edge.models.trial import tried

if TYPE_CHECKING:
    from pathlib import Path

    from edge.config import Config
    from edge.inference.manifest import Manifest

_MOST_BYTES = 64 << 20
_MOST_MANIFEST_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class InstallResult:
    """Result of adding a model.

    ``signer`` is the name of the key, ``None`` if the signature was not checked; ``runtime`` is the inference package
    of the trial run.
    """

    added: Added
    manifest: Manifest
    signer: str | None
    runtime: str
    proven: bool


def add(config: Config, model: Path, *, unsigned: bool = False) -> InstallResult:
    """Verify ``model`` and its manifest, try it in a separate process, and select it for the device's next start.

    It stays on probation until the loop has become healthy with it (:mod:`edge.models.rollback`).

    Raises:
        ModelError: manifest, hash, signature, head or trial run are wrong; nothing has changed.
        InputError: the state folder is not writable; nothing has changed.
        HardwareUnavailable: a package that it needs is missing.
    """
    regular(model, _MOST_BYTES)
    regular(manifests.manifest_path(model), _MOST_MANIFEST_BYTES)
    _check(config, model)  # in its original place, so that messages name the user's file
    store = ModelStore(models_dir(config))
    with store.locked(), store.staged(model) as staged:
        # and the copy, since the original may change any time; the signature is checked only against the copy
        manifest = _check(config, staged)
        by = None if unsigned else signer(staged, config.model.keys.expanduser())
        runtime = tried(staged, config.model)
        added = store.keep(staged, manifest.sha256)
        pointer = _pointing_at(added.name, store.pointer())
        store.point(pointer)
    return InstallResult(added, manifest, by, runtime, pointer.proven)


def remove(config: Config, name: str) -> Added:
    """Delete an added model; if it was in use, the next start uses the previous one.

    Raises:
        InputError: no added model has this name, or the state folder is not writable.
    """
    store = ModelStore(models_dir(config))
    with store.locked():
        removed = store.find(name)
        pointer = store.pointer()
        if pointer.current == removed.name:
            before = pointer.previous if store.path_of(pointer.previous) else None
            store.point(Pointer(current=before))
        elif pointer.previous == removed.name:
            store.point(pointer.model_copy(update={"previous": None}))
        store.remove(removed.name)
    return removed


def _check(config: Config, model: Path) -> Manifest:
    manifest = manifests.load(model)
    manifests.verify(manifest, model)
    manifest.output(config.model.head)
    return manifest


def _pointing_at(name: str, before: Pointer) -> Pointer:
    """Return the pointer to the model ``name``; the last proven model becomes its predecessor."""
    if before.current == name:
        return before.model_copy(update={"starts": 0, "fallback": ""})
    return Pointer(current=name, previous=before.current if before.proven else before.previous, proven=False)
