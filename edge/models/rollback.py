"""Takes an added model back where the device does not become healthy with it.

Every start with a model that has not proven itself is counted before the model is loaded, so that a crash counts too.
What ends in order, or for another reason than the model, is counted back. A model is proven once the loop has looked at
frames for :data:`PROOF_S` seconds; after :data:`STARTS` starts without that, the one before it is used again, and the
log and the device's ``info`` say so. So it is, at once, with one that is gone or damaged.
"""

from __future__ import annotations

import contextlib
import logging
import time
from typing import TYPE_CHECKING, Self, TypeVar

from edge.core.errors import EdgeError, InputError, ModelError
from edge.inference import manifest as manifests
from edge.models.store import PACKAGED, ModelStore, Pointer, models_dir

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import TracebackType

    from edge.config import Config

    Network = TypeVar("Network")

_LOG = logging.getLogger(__name__)
PROOF_S = 30.0
"""Seconds of frames looked at that prove a model."""
STARTS = 2
_LONGEST_TURN_S = 5.0
"""A turn of the loop that took longer proves nothing."""


class ModelRollback:
    """Chooses the model of one run of the device; a context manager around that run.

    ``lasting`` is false for replays, which neither count nor prove.
    """

    def __init__(self, config: Config, *, lasting: bool = True) -> None:
        self._named = config.model.path
        self._store = ModelStore(models_dir(config))
        self._lasting = lasting
        self._pointer = Pointer()
        self._counted = False
        self._seen_s = 0.0
        self._turned_s: float | None = None

    @property
    def fallback(self) -> str:
        """Why not the model that was added last, empty where it is."""
        return self._pointer.fallback

    def load(self, make: Callable[[Path], Network]) -> Network:
        """What ``make`` makes of the first model file that it can make something of.

        Raises:
            ModelError: it can make nothing of the named one, or of the one that came along.
        """
        if self._named is not None:
            return make(manifests.model_file(self._named))
        self._pointer = self._store.pointer()
        if self._pointer.fallback:
            _LOG.warning("%s", self._pointer.fallback)
        while self._pointer.current is not None:
            try:
                return make(self._chosen())
            except ModelError as error:
                self._go_back(str(error))
        return make(manifests.packaged_model())

    def check(self, make: Callable[[Path], object]) -> None:
        """See that :meth:`load` would find a model; nothing is counted, and nothing taken back.

        Raises:
            ModelError: it would find none.
        """
        if self._named is not None:
            make(manifests.model_file(self._named))
            return
        pointer = self._store.pointer()
        for path in (self._store.path_of(pointer.current), self._store.path_of(pointer.previous)):
            if path is not None:
                with contextlib.suppress(ModelError):
                    make(path)
                    return
        make(manifests.packaged_model())

    def turn(self, *, looking: bool) -> None:
        """A turn of the loop; ``looking``: it has a camera and looks at what comes."""
        if not self._counted:
            return
        now_s = time.monotonic()
        turned_s, self._turned_s = self._turned_s, now_s if looking else None
        if turned_s is None or not looking or now_s - turned_s > _LONGEST_TURN_S:
            return
        self._seen_s += now_s - turned_s
        if self._seen_s >= PROOF_S:
            self._counted = False
            if self._keep(self._pointer.model_copy(update={"proven": True, "starts": 0})):
                _LOG.info("model %s has proven itself", self._pointer.current)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._counted and not _blames_the_model(kind):
            self._keep(self._pointer.model_copy(update={"starts": self._pointer.starts - 1}))
        self._counted = False

    def _chosen(self) -> Path:
        """The file of the added model in use; this start is counted where it is not proven."""
        pointer = self._pointer
        path = self._store.path_of(pointer.current)
        if path is None:
            msg = "its file is gone"
            raise ModelError(msg)
        if pointer.proven or not self._lasting:
            return path
        if pointer.starts >= STARTS:
            msg = f"{pointer.starts} starts did not become healthy with it"
            raise ModelError(msg)
        self._counted = self._keep(pointer.model_copy(update={"starts": pointer.starts + 1}))
        return path

    def _go_back(self, why: str) -> None:
        """Use the model before; written where it can be, and otherwise so for this run."""
        pointer, self._counted = self._pointer, False
        fallback = f"model {pointer.current} is taken back, {pointer.previous or PACKAGED} is used: {why}"
        _LOG.error("%s", fallback)
        back = Pointer(current=pointer.previous, fallback=fallback)
        if self._lasting:
            self._keep(back)
        self._pointer = back

    def _keep(self, pointer: Pointer) -> bool:
        self._pointer = pointer
        try:
            self._store.point(pointer)
        except InputError as error:
            _LOG.warning("how the model does cannot be kept: %s", error)
            return False
        return True


def _blames_the_model(kind: type[BaseException] | None) -> bool:
    """An end in order, Ctrl-C, or an error that has its own cause, such as a camera that stays away, does not."""
    if kind is None or not issubclass(kind, Exception):
        return False
    return issubclass(kind, ModelError) or not issubclass(kind, EdgeError)
