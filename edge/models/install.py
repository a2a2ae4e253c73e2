"""Adds a model to the device and takes it away again."""

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
    """What was added: ``signer`` is the name of the key, ``None`` where nobody asked; ``runtime`` tried it."""

    added: Added
    manifest: Manifest
    signer: str | None
    runtime: str
    proven: bool


def add(config: Config, model: Path, *, unsigned: bool = False) -> InstallResult:
    """Check ``model`` and what lies beside it, try it elsewhere, and point the device's next start at it.

    Until the loop has become healthy with it, it is on probation (:mod:`edge.models.rollback`).

    Raises:
        ModelError: manifest, hash, signature, head or trial run are wrong; nothing has changed.
        InputError: the state folder cannot be written; nothing has changed.
        HardwareUnavailable: a package that it needs is missing.
    """
    regular(model, _MOST_BYTES)
    regular(manifests.manifest_path(model), _MOST_MANIFEST_BYTES)
    _check(config, model)  # where it lies, so that messages name the file that was given
    store = ModelStore(models_dir(config))
    with store.locked(), store.staged(model) as staged:
        # and what was copied, since the given file may change any time; the signature is held against the copy alone
        manifest = _check(config, staged)
        by = None if unsigned else signer(staged, config.model.keys.expanduser())
        runtime = tried(staged, config.model)
        added = store.keep(staged, manifest.sha256)
        pointer = _pointing_at(added.name, store.pointer())
        store.point(pointer)
    return InstallResult(added, manifest, by, runtime, pointer.proven)


def remove(config: Config, name: str) -> Added:
    """Delete an added model; where it was in use, the one before it is from the next start on.

    Raises:
        InputError: no added model has this name, or the state folder cannot be written.
    """
    store = ModelStore(models_dir(config))
    with store.locked():
        gone = store.find(name)
        pointer = store.pointer()
        if pointer.current == gone.name:
            before = pointer.previous if store.path_of(pointer.previous) else None
            store.point(Pointer(current=before))
        elif pointer.previous == gone.name:
            store.point(pointer.model_copy(update={"previous": None}))
        store.remove(gone.name)
    return gone


def _check(config: Config, model: Path) -> Manifest:
    manifest = manifests.load(model)
    manifests.verify(manifest, model)
    manifest.output(config.model.head)
    return manifest


def _pointing_at(name: str, before: Pointer) -> Pointer:
    """The model that was proven last is the one to go back to."""
    if before.current == name:
        return before.model_copy(update={"starts": 0, "fallback": ""})
    return Pointer(current=name, previous=before.current if before.proven else before.previous, proven=False)
