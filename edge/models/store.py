"""Storage of the models that were added to a device, and the pointer to the one in use.

``models/NAME-HASH/`` contains one added model: ``.tflite``, manifest and, if any, signature. ``models/current.json``
names the one in use and the state of its probation. Changes are written to a temporary path and moved into place, so
that a power cut leaves either the old or the new state.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from edge.config import NodeConfig, state_dir
from edge.core.errors import InputError, ModelError
from edge.inference import manifest as manifests
from edge.util.bounded_read import read_bounded
from edge.util.files import cannot_write, write_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from edge.config import Config

_SERVICE_STATE = Path("/var/lib/face-edge")
_STAGE = ".adding-"
_LOCK = ".lock"
_HASH_DIGITS = 12
PACKAGED = "packaged"
"""Name in messages of the model that came with the installation."""


class Pointer(BaseModel):
    """Models in use: names of folders, ``None`` for the model that came with the installation."""

    model_config = ConfigDict(frozen=True)

    current: str | None = None
    previous: str | None = None
    proven: bool = Field(default=True, description="the loop became healthy with it")
    starts: int = Field(default=0, ge=0, description="starts so far that did not prove it")
    fallback: str = Field(default="", description="why the previous model is in use again")


@dataclass(frozen=True, slots=True)
class Added:
    """An added model: the name of its folder and the path of its ``.tflite``."""

    name: str
    path: Path


def models_dir(config: Config, environment: Mapping[str, str] | None = None) -> Path:
    """Return the folder of models in the configured state folder.

    Without a configured one it is the system service's, if only that exists.
    """
    own = state_dir(config, environment)
    variables = os.environ if environment is None else environment
    configured = bool(variables.get("STATE_DIRECTORY")) or config.node.state_dir != NodeConfig().state_dir
    with contextlib.suppress(PermissionError):
        if not configured and not own.exists() and _SERVICE_STATE.exists():
            own = _SERVICE_STATE
    return own / "models"


def model_in_use(config: Config) -> Path:
    """Return the model file of ``model.path``, or the added model in use, or the packaged one.

    Raises:
        ModelError: there is no model of that name.
    """
    if config.model.path is not None:
        return manifests.model_file(config.model.path)
    store = ModelStore(models_dir(config))
    return store.path_of(store.pointer().current) or manifests.packaged_model()


class ModelStore:
    """Added models in ``folder``, which need not exist."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def _pointer_path(self) -> Path:
        return self.folder / "current.json"

    def pointer(self) -> Pointer:
        """Return the stored pointer, or one to the packaged model if the file is missing or cannot be read."""
        try:
            return Pointer.model_validate_json(read_bounded(self._pointer_path))
        except (OSError, ValidationError):
            return Pointer()

    def point(self, pointer: Pointer) -> None:
        """Store ``pointer``; it is on the disk when this returns.

        Raises:
            InputError: it cannot be written.
        """
        write_text(self._pointer_path, pointer.model_dump_json(indent=2) + "\n")
        self.hand_over(self._pointer_path)

    def added(self) -> list[Added]:
        """Return the added models, sorted by name."""
        paths = (self.path_of(path.name) for path in self.folder.glob("*/") if not path.name.startswith("."))
        return sorted((Added(path.parent.name, path) for path in paths if path), key=lambda each: each.name)

    def path_of(self, name: str | None) -> Path | None:
        """Return the ``.tflite`` of an added model; ``None`` if it does not exist (any more)."""
        if name is None or "/" in name or name.startswith("."):
            return None
        return next(iter(sorted((self.folder / name).glob("*.tflite"))), None)

    def find(self, name: str) -> Added:
        """Return the added model whose folder or file has this name.

        Raises:
            InputError: there is none, or more than one file of that name.
        """
        added = self.added()
        matches = [each for each in added if name in {each.name, each.path.stem}]
        if len(matches) == 1:
            return matches[0]
        names = ", ".join(each.name for each in matches or added) or "none"
        msg = f"{name}: {'name one of' if matches else 'was not added; there are'} {names}"
        raise InputError(msg)

    @contextlib.contextmanager
    def staged(self, model: Path) -> Iterator[Path]:
        """Yield a copy of ``model``, with its manifest and signature, in a temporary folder.

        Raises:
            InputError: it cannot be read, or the folder is not writable.
        """
        stage = self.folder / f"{_STAGE}{secrets.token_hex(6)}"
        try:
            stage.mkdir(parents=True, mode=0o755)
            for source in (model, manifests.manifest_path(model), model.with_suffix(".sig")):
                if source.exists():
                    shutil.copyfile(source, stage / source.name)
        except OSError as error:
            shutil.rmtree(stage, ignore_errors=True)
            raise InputError(cannot_write(Path(error.filename2 or error.filename or stage), error)) from error
        try:
            yield stage / model.name
        finally:
            shutil.rmtree(stage, ignore_errors=True)

    def keep(self, staged: Path, sha256: str) -> Added:
        """Move a staged model to its place, replacing one of the same name and hash.

        Raises:
            InputError: the folder is not writable.
        """
        name = f"{staged.stem}-{sha256[:_HASH_DIGITS]}"
        place = self.folder / name
        try:
            _sync(staged.parent)
            if place.exists():
                place.rename(self.folder / f"{_STAGE}{secrets.token_hex(6)}")
            staged.parent.rename(place)
            _sync(self.folder)
        except OSError as error:
            raise InputError(cannot_write(place, error)) from error
        self.hand_over(place)
        self._sweep()
        return Added(name, place / staged.name)

    def remove(self, name: str) -> None:
        """Delete an added model."""
        trash = self.folder / f"{_STAGE}{secrets.token_hex(6)}"
        try:
            (self.folder / name).rename(trash)
        except OSError as error:
            raise InputError(cannot_write(self.folder / name, error)) from error
        self._sweep()

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Lock the store against other commands inside the block.

        Raises:
            InputError: another command holds the lock, or the folder is not writable.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self.hand_over(self.folder)
            descriptor = os.open(self.folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise InputError(cannot_write(self.folder, error)) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self.hand_over(self.folder / _LOCK)
            yield
        except BlockingIOError:
            msg = f"{self.folder}: another command is adding or removing models: wait until it has finished"
            raise InputError(msg) from None
        finally:
            os.close(descriptor)

    def _sweep(self) -> None:
        """Delete the leftovers of interrupted commands; only under :meth:`locked`."""
        for leftover in self.folder.glob(f"{_STAGE}*"):
            shutil.rmtree(leftover, ignore_errors=True)

    def hand_over(self, path: Path) -> None:
        """Change the owner of ``path``, if root has written it, to the owner of the state folder."""
        if os.geteuid() != 0:
            return
        with contextlib.suppress(OSError):
            owner = self.folder.parent.stat()
            for each in (path, *(path.iterdir() if path.is_dir() and path != self.folder else ())):
                os.chown(each, owner.st_uid, owner.st_gid, follow_symlinks=False)


def regular(path: Path, most_bytes: int) -> None:
    """Check that ``path`` is a regular file of at most ``most_bytes`` before it is read.

    Raises:
        ModelError: it is missing, not a regular file, or larger.
    """
    if not path.is_file():
        msg = f"{path}: there is no such file"
        raise ModelError(msg)
    if path.stat().st_size > most_bytes:
        msg = f"{path}: is larger than {most_bytes / 1e6:.0f} MB: not a model for this device"
        raise ModelError(msg)


def _sync(folder: Path) -> None:
    """Flush the files, then the folder: a power cut must not leave a folder of empty files."""
    for path in (*(each for each in folder.iterdir() if each.is_file()), folder):
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
